"use strict";
// Save what was decided as the TOML that `capstone grade --decisions` reads. JSON's strings are TOML's, but for DEL.
const form = document.getElementById("form");
const quoted = (text) => JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007f");

function entry(field) {
  const [points, note] = field.querySelectorAll("input");
  if (points.value === "") return "";
  const head = `[${quoted(field.dataset.team)}.${quoted(field.dataset.requirement)}]`;
  return `${head}\npoints = ${Number(points.value)}\nnote = ${quoted(note.value)}\n`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const entries = [...form.querySelectorAll("fieldset")].map(entry).filter(Boolean);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([entries.join("\n")], { type: "application/toml" }));
  link.download = "decisions.toml";
  link.click();
  document.getElementById("said").textContent = `${entries.length} decisions are in the file.`;
});

form.addEventListener("invalid", (event) => (event.target.closest("details").open = true), true);
