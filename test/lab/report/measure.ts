// How a report fits the screens of a phone and a desktop, as a browser measures it.

/** Widths of the screens in CSS pixels: a phone, and a desktop. */
export const SCREENS = [390, 1280];

/** What a page measures of a report that it shows in frames as wide as the screens. */
export const MEASURE = `<!doctype html><meta charset="utf-8"><body><script type="module">
const measured = await Promise.all(${JSON.stringify(SCREENS)}.map(async (width) => {
  const frame = document.createElement("iframe");
  frame.style.cssText = "border:0;height:800px;width:" + width + "px";
  frame.src = "report.html";
  document.body.append(frame);
  await new Promise((resolve) => frame.addEventListener("load", resolve));
  const report = frame.contentDocument;
  const outside = [...report.querySelectorAll("svg")].flatMap((svg) => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      return left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1;
    }).map((text) => text.textContent);
  });
  const [wide] = [...report.querySelectorAll(".scroll")].filter((card) => card.scrollWidth > card.clientWidth);
  wide?.focus();
  return {
    width,
    tooWide: report.documentElement.scrollWidth - report.documentElement.clientWidth,
    outside,
    wide: wide?.getAttribute("aria-label") ?? null,
    focused: wide !== undefined && report.activeElement === wide,
  };
}));
await fetch("/result", { method: "POST", body: JSON.stringify(measured) });
</script>`;
