// Before the first paint, so that a light page never flashes dark.
(() => {
  const kept = localStorage.getItem("meridian.theme");
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = kept ?? (light ? "light" : "dark");
})();
