// Labelling from the keyboard. Without this file the buttons and links do the same.

const groups = [...document.querySelectorAll("[data-category]")];
const announce = document.getElementById("announce");
let open = null;

function choose(group) {
  groups.forEach((one) => one.classList.toggle("open", one === group));
  open = group;
  if (announce) announce.textContent = group ? `${group.querySelector("legend").textContent.trim()}: now a number` : "";
  if (group) group.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  if (event.key === "Escape") return choose(null);
  if (/^[0-9]$/.test(event.key)) {
    const button = open && open.querySelector(`[data-leaf="${event.key}"]`);
    if (button) button.click();
    else if (!open) choose(document.querySelector(`[data-category="${event.key}"]`));
    else return;
    return event.preventDefault();
  }
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  target.click();
});
