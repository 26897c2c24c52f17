/* Select2, which Django has for pickers, names its boxes by what is chosen, and its search fields not at all. */
"use strict";
{
  const nameOf = (select) => select.labels[0]?.textContent.trim() || select.getAttribute("aria-label") || select.name;

  /* Name the parts of a picker by the label of its field. */
  function describe(select) {
    const name = nameOf(select);
    for (const part of select.nextElementSibling.querySelectorAll(".select2-selection, .select2-search__field")) {
      part.removeAttribute("aria-labelledby");
      part.setAttribute("aria-label", name);
    }
    const chosen = select.nextElementSibling.querySelector(".select2-selection__rendered");
    if (select.multiple) chosen.setAttribute("role", "none"); // Its children are not only items.
    else chosen.setAttribute("aria-label", name);
  }

  /* Select2 adds the list, and the search field of a picker of one row, as the picker opens. */
  function describeOpen({ target: select }) {
    const box = select.nextElementSibling.querySelector(".select2-selection");
    box.setAttribute("aria-controls", box.getAttribute("aria-owns"));
    const fields = document.querySelectorAll(".select2-container--open .select2-search__field");
    for (const field of fields) field.setAttribute("aria-label", nameOf(select));
  }

  const describeAll = () => document.querySelectorAll("select.select2-hidden-accessible").forEach(describe);
  // This script is deferred, so the callbacks that make the pickers come first.
  window.django?.jQuery?.(() => {
    describeAll();
    django.jQuery(document).on("select2:open", describeOpen);
  });
  // After Django's own listener, which makes the pickers of a new row.
  document.addEventListener("formset:added", () => setTimeout(describeAll));
}
