// Renews what a run tells while it goes on. Without this file the page loads itself anew instead.
"use strict";
(function () {
  const live = document.getElementById("live");
  if (!live) return;
  async function renew() {
    try {
      const answer = await fetch(live.dataset.live);
      if (answer.status === 204) { location.reload(); return; }
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        live.replaceChildren(...page.body.childNodes);
        live.classList.remove("stale");
      }
    } catch {
      live.classList.add("stale");
    }
    setTimeout(renew, 2000);
  }
  setTimeout(renew, 2000);
})();
