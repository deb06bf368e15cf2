// Ratings by key, stored without leaving the page. Without this file everything works: the forms
// are sent as they stand. With it a rating that cannot be stored is said to be lost, and is sent
// again with one key; the server takes the same rating twice for one.
"use strict";
let unsent = null;

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(event.target));
  if (event.submitter && event.submitter.name) fields.set(event.submitter.name, event.submitter.value);
  send(event.target.action, fields);
});

async function send(address, fields) {
  if (unsent && unsent.busy) return;
  unsent = { address, fields, busy: true };
  try {
    const answer = await fetch(address, { method: "POST", body: fields });
    const text = await answer.text();
    unsent = null;
    show(text, answer.url);
  } catch {
    unsent.busy = false;
    const lost = document.getElementById("lost");
    lost.textContent = "Not stored: didact does not answer. All ratings before this one are safe. "
      + "Start didact rate again, then press Enter to send this one again.";
    lost.hidden = false;
  }
}

function show(text, address) {
  const page = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  document.title = page.title;
  if (!/\/undo$/.test(address)) history.replaceState(null, "", address);
  window.scrollTo(0, 0);
  const top = document.getElementById("top");
  if (top) top.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (unsent && !unsent.busy && event.key === "Enter") {
    event.preventDefault();
    send(unsent.address, unsent.fields);
    return;
  }
  if (/^(SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (event.target.tagName === "INPUT" && event.target.type !== "radio") return;
  const key = event.key.toLowerCase();
  if (key === "u") press("#undo button");
  else if (key === "m") press("#markdown");
  else if (key === "r") press("#reference summary");
  else if (key === "enter" && event.target.tagName !== "BUTTON" && event.target.tagName !== "A" && event.target.tagName !== "SUMMARY") {
    if (press("#store")) event.preventDefault();
  } else if (/^[a-z0-9]$/.test(key)) answer(key);
});

function answer(key) {
  if (unsent) return;
  const button = document.querySelector(`#rating button[data-key="${key}"]`);
  if (button) { button.click(); return; }
  const open = [...document.querySelectorAll("#rating fieldset")]
    .find((one) => one.contains(document.activeElement) && !one.querySelector(":checked"))
    || [...document.querySelectorAll("#rating fieldset")].find((one) => !one.querySelector(":checked"));
  const radio = open && open.querySelector(`input[data-key="${key}"]`);
  if (!radio) return;
  radio.checked = true;
  const next = [...document.querySelectorAll("#rating fieldset")].find((one) => !one.querySelector(":checked"));
  (next ? next.querySelector("input") : document.getElementById("store")).focus();
}

function press(where) {
  const found = document.querySelector(where);
  if (found) found.click();
  return found !== null;
}
