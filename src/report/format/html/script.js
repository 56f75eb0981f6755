"use strict";

// Filters the findings and unfolds them. It only hides and shows: without it, the page has the same content.
(() => {
  const controls = document.getElementById("controls");
  if (!controls) return;
  const search = document.getElementById("search");
  const unfold = document.getElementById("unfold");
  const shown = document.getElementById("shown");
  const lists = [...controls.querySelectorAll("select")];
  const findings = [...document.querySelectorAll(".finding")];
  const texts = new Map();

  // Computed once per finding, at the first search.
  const text = (finding) => {
    if (!texts.has(finding)) texts.set(finding, finding.textContent.toLowerCase());
    return texts.get(finding);
  };

  const choose = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = lists.filter((list) => list.value).map((list) => [list.dataset.key, list.value]);
    // A fork's card has its children's findings, too, and two forks may have the same.
    const all = new Set();
    const seen = new Set();
    for (const finding of findings) {
      const fits =
        wanted.every(([key, value]) => finding.dataset[key].split(" ").includes(value)) &&
        words.every((word) => text(finding).includes(word));
      finding.hidden = !fits;
      for (const fingerprint of finding.dataset.findings.split(" ")) {
        all.add(fingerprint);
        if (fits) seen.add(fingerprint);
      }
    }
    shown.textContent = `${seen.size} of ${all.size} findings shown`;
  };

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(choose, 120);
  });
  controls.addEventListener("change", choose);
  controls.addEventListener("submit", (event) => event.preventDefault());
  // The fields are empty only after the event.
  controls.addEventListener("reset", () => setTimeout(choose));

  const folds = () => document.querySelectorAll("details");
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    for (const fold of document.querySelectorAll(".finding details")) fold.open = open;
    unfold.setAttribute("aria-pressed", String(open));
    unfold.textContent = open ? "Fold all" : "Unfold all";
  });

  document.addEventListener("keydown", (event) => {
    const types = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !types && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });

  // Paper cannot be unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...folds()].filter((fold) => !fold.open);
    for (const fold of folded) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const fold of folded) fold.open = false;
  });

  controls.hidden = false;
  choose();
})();
