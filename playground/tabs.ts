/**
 * Tabs as the ARIA practices have them: one of them is in the order of the Tab key, arrow keys, Home and End move
 * between them and choose. `chosen` is told which, by what follows the last "-" of its id.
 */
export function makeTabs(list: HTMLElement, chosen: (name: string, tab: HTMLElement) => void): void {
  const tabs = [...list.querySelectorAll<HTMLElement>('[role="tab"]')];
  const choose = (tab: HTMLElement): void => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    chosen(tab.id.slice(tab.id.lastIndexOf("-") + 1), tab);
  };
  list.addEventListener("click", ({ target }) => {
    const tab = tabs.find((one) => one === target);
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = moves[event.key];
    const next = to === undefined ? undefined : tabs.at(to % tabs.length);
    if (at < 0 || !next) return;
    event.preventDefault();
    next.focus();
    choose(next);
  });
}
