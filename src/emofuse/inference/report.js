// Hovering or focusing a segment writes it out below the plot and marks its row; Enter goes to the row.
for (const segment of document.querySelectorAll(".segment")) {
  const row = document.getElementById(segment.dataset.row);
  const detail = segment.closest(".card").querySelector(".detail");
  const show = (on) => {
    segment.classList.toggle("on", on);
    if (row) row.classList.toggle("on", on);
    if (on) detail.textContent = segment.getAttribute("aria-label");
  };
  for (const name of ["mouseenter", "focus"]) segment.addEventListener(name, () => show(true));
  for (const name of ["mouseleave", "blur"]) segment.addEventListener(name, () => show(false));
  const go = () => row && row.scrollIntoView({ block: "center" });
  segment.addEventListener("click", go);
  segment.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
}
