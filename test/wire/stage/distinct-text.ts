/**
 * A text of about this many bytes in which no part looks like another, so that a piece that is lost, repeated, moved or
 * taken from somebody else's message shows; `tag` tells several texts apart.
 */
export function distinctText(tag: string, bytes: number): string {
  const numbers = Array.from({ length: Math.ceil(bytes / (tag.length + 9)) }, (_, at) => String(at).padStart(8, '0'));
  return `${tag}${numbers.join(`;${tag}`)}`;
}
