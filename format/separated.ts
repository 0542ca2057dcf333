/** Characters up to which a cell is split at once, which is quicker. A longer one may be millions of separators. */
const SPLIT_CHARACTERS = 4096;

/** The pieces of a cell's text between separators. Of a long one, empty pieces are left out. */
export function pieces(text: string, separator: string): Iterable<string> {
  return text.length <= SPLIT_CHARACTERS ? text.split(separator) : eachPiece(text, separator);
}

function* eachPiece(text: string, separator: string): Generator<string> {
  let from = 0;
  for (let to = text.indexOf(separator); to >= 0; to = text.indexOf(separator, from)) {
    if (to > from) yield text.slice(from, to);
    from = to + separator.length;
  }
  yield text.slice(from);
}
