"use strict";
// A click on a row of the transfer table opens its details.

const page = JSON.parse(document.getElementById("data").textContent);
const dialog = document.getElementById("details");

function showDetails(number) {
  const row = page.details.rows[number];
  const cell = page.details.cells[row.cell];
  const body = document.getElementById("details-body");
  document.getElementById("details-title").textContent = row.title;
  body.replaceChildren(listOf(row.figures));
  if (cell?.command) {
    body.append(element("h3", "", "Train this cell again"), element("code", "", cell.command));
  }
  if (page.details.command) {
    body.append(element("h3", "", "Train the whole study again"), element("code", "", page.details.command));
  }
  if (row.seeds.length) {
    const scroll = element("div", "scroll");
    scroll.append(tableOf(page.details.header, row.seeds));
    body.append(element("h3", "", "Seeds"), scroll);
  }
  if (cell) {
    body.append(element("h3", "", "Settings"), listOf(cell.settings));
    body.append(element("h3", "", "Trained with"), listOf(cell.machines));
  }
  dialog.showModal();
  dialog.scrollTop = 0;
}

transferTable.tBodies[0].addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !getSelection().toString()) showDetails(row.dataset.row);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // outside of its content
});
