"use strict";
// Elements of the page. All text goes into text nodes, so that no name from a study can become markup.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.append(String(text));
  return made;
}

function minus(number) {
  return String(number).replace("-", "−");
}

function tableOf(header, lines) {
  const table = element("table");
  const head = table.createTHead().insertRow();
  for (const name of header) head.append(element("th", "", name));
  const body = table.createTBody();
  for (const line of lines) {
    const row = body.insertRow();
    for (const value of line) row.append(element("td", "", typeof value === "number" ? minus(value) : value ?? "-"));
  }
  return table;
}

function listOf(pairs) {
  const list = element("dl");
  for (const [name, value] of pairs) list.append(element("dt", "", name), element("dd", "", value));
  return list;
}
