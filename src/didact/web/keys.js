// j and k go down and up the list, n and p to the next and previous page, / to the search box.
// Without this file everything works, with the mouse and the Tab key.
"use strict";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.key === "/") {
    const box = document.querySelector("input[type=search]");
    if (box) { event.preventDefault(); box.focus(); }
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("a[data-row]")];
    const now = links.indexOf(document.activeElement);
    const next = links[event.key === "j" ? now + 1 : Math.max(now - 1, 0)];
    if (next) next.focus();
    else follow(event.key === "j" ? "next" : "prev");
  } else if (event.key === "n") follow("next");
  else if (event.key === "p") follow("prev");
});
function follow(rel) {
  const link = document.querySelector(`a[rel=${rel}]`);
  if (link) link.click();
}
