// A block of code or a table that is wider than its page scrolls. The Tab key reaches it, so that the arrow keys scroll it.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
// The theme has put tables into regions by then.
addEventListener("load", () => {
  for (const region of document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap")) sizes.observe(region);
});
