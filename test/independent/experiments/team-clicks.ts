/** Credits the clicks on one list, by slots, to the teams of its slots (0: the arm's own model, 1: its rival). */
export function teamClicks(teams: ArrayLike<number>, clickedSlots: readonly number[]) {
  const rival = clickedSlots.filter((slot) => teams[slot] === 1).length;
  return { own: clickedSlots.length - rival, rival };
}
