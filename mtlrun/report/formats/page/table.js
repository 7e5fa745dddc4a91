"use strict";
// Sorting of every table, and the filters of the transfer table.

function keyOf(row, column) {
  const cell = row.cells[column];
  const key = cell.dataset.key ?? cell.textContent.trim().replace("−", "-");
  const number = key.trim() === "" || key === "-" ? NaN : Number.parseFloat(key);
  return { empty: key === "" || key === "-", number, isNumber: !Number.isNaN(number) && /^[-+]?[\d.]/.test(key), key };
}

function compareKeys(a, b) {
  if (a.isNumber && b.isNumber) return a.number - b.number;
  return a.key.localeCompare(b.key, undefined, { numeric: true });
}

function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
  keyed.sort((a, b) => {
    if (a.key.empty || b.key.empty) return a.key.empty - b.key.empty; // what is missing comes last
    return direction * compareKeys(a.key, b.key);
  });
  body.append(...keyed.map((each) => each.row));
  for (const row of body.rows) {
    row.classList.remove("start");
    row.cells[0].classList.remove("again"); // the name of its group, seen only where rows are out of their order
  }
  for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head) return;
    sortTable(table, head.cellIndex, head.ariaSort === "ascending" ? -1 : 1);
  });
}

function setUpFilters(table) {
  const rows = [...table.tBodies[0].rows];
  const [search, sort] = [document.getElementById("search"), document.getElementById("sort")];
  const selects = [...document.querySelectorAll("[data-filter]")];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value !== "");
    const shown = [];
    for (const row of rows) {
      const fits =
        chosen.every((select) => row.dataset[select.dataset.filter] === select.value) &&
        words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      if (fits) shown.push(row.dataset.row);
    }
    const all = shown.length === rows.length;
    document.getElementById("count").value = all ? `${rows.length} rows` : `${shown.length} of ${rows.length} rows`;
    document.getElementById("none").hidden = shown.length > 0;
    document.dispatchEvent(new CustomEvent("rows-filtered", { detail: all ? null : new Set(shown) }));
  }

  search.addEventListener("input", apply);
  for (const select of selects) select.addEventListener("change", apply);
  sort.addEventListener("change", () => {
    const [column, direction] = sort.value.split(":").map(Number);
    if (sort.value) sortTable(table, column, direction);
  });
  document.getElementById("reset").addEventListener("click", () => {
    for (const control of [search, sort, ...selects]) control.value = "";
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
    table.tBodies[0].append(...rows);
    apply();
  });
}

const transferTable = document.getElementById("rows");
if (transferTable) setUpFilters(transferTable);
