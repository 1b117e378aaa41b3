// The log explorer: the fields are open where there is room beside the rows, and the line that was asked for is in view.

const wide = matchMedia("(min-width: 1100px)");
for (const fold of document.querySelectorAll("[data-open-when-wide]")) fold.open = wide.matches;
document.getElementById("centre")?.scrollIntoView({ block: "center" });
