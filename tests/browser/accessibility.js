// What a page lacks for people who use a keyboard, a screen reader or need contrast, as sentences.
// Source: WCAG 2.2 (1.1.1, 1.3.1, 1.4.3, 2.4.1, 2.4.2, 2.4.4, 2.4.6, 2.5.8, 3.1.1, 4.1.2).
() => {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const where = (node) => `${node.tagName.toLowerCase()}${node.id ? "#" + node.id : ""}`
    + ` "${(node.textContent || node.value || "").trim().slice(0, 40)}"`;
  const complain = (node, text) => problems.push(`${where(node)}: ${text}`);

  const referenced = (node, name) => (node.getAttribute(name) || "").split(/\s+/).filter(Boolean);
  const nameOf = (node) => {
    const labels = referenced(node, "aria-labelledby").map((id) => document.getElementById(id));
    const texts = [node.getAttribute("aria-label"), ...labels.map((each) => each?.textContent)];
    for (const label of node.labels || []) texts.push(label.textContent);
    if (!["INPUT", "SELECT", "TEXTAREA"].includes(node.tagName)) texts.push(node.textContent);
    return texts.filter(Boolean).join(" ").trim();
  };

  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title.trim()) problems.push("no title");
  if (all("main").length !== 1) problems.push("not exactly one main landmark");
  if (all("h1").length !== 1) problems.push("not exactly one h1");

  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) complain(heading, `heading level ${own} after ${level}`);
    if (!heading.textContent.trim()) complain(heading, "empty heading");
    level = own;
  }

  for (const node of all("a[href], button, input:not([type=hidden]), select, textarea, summary"))
    if (!nameOf(node)) complain(node, "no name");
  for (const node of all("img, [role=img]"))
    if (!(node.getAttribute("alt") ?? node.getAttribute("aria-label"))) complain(node, "no name");
  for (const node of all("fieldset"))
    if (!node.querySelector("legend")?.textContent.trim()) complain(node, "no legend");
  for (const node of all("th")) if (!node.scope) complain(node, "header without scope");
  for (const name of ["for", "aria-labelledby", "aria-describedby"])
    for (const node of all(`[${name}]`))
      for (const id of referenced(node, name))
        if (!document.getElementById(id)) complain(node, `${name} names nothing`);
  const ids = all("[id]").map((node) => node.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at)))
    problems.push(`id ${id} twice`);

  for (const node of all("button, select, input:not([type=hidden]):not([type=radio])").filter(shown)) {
    const box = node.getBoundingClientRect();
    if (box.width < 24 || box.height < 24) complain(node, "smaller than 24 by 24 pixels");
  }

  const rgba = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const background = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.alpha === 1) return colour;
    }
    return rgba("rgb(255, 255, 255)");
  };
  const luminance = ({ red, green, blue }) => {
    const [r, g, b] = [red, green, blue].map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const checkContrast = (node, colour, behind) => {
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = contrast(colour, behind);
    if (found < (large ? 3 : 4.5)) complain(node, `contrast ${found.toFixed(2)}`);
  };

  const hasText = (node) => [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  for (const node of all("body *").filter((each) => hasText(each) && shown(each)))
    if (!node.closest("svg")) checkContrast(node, rgba(getComputedStyle(node).color), background(node));
  for (const node of all("svg text").filter(shown)) {
    const fill = rgba(getComputedStyle(node).fill);
    const disc = node.parentElement.querySelector(":scope > circle");
    checkContrast(node, fill, disc ? rgba(getComputedStyle(disc).fill) : background(node.closest("figure")));
  }
  return problems;
}
