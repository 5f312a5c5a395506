/**
 * Reads a stream of server-sent events: text in as it arrives, whole messages out.
 *
 * The format is that of the HTML standard, section 9.2.6: lines end with LF, CRLF or CR, a blank line ends a message, a
 * line that begins with a colon is a comment. Only `data` is kept: id and kind of a Tidegate event stand in its JSON too. One
 * comment means something: `: live` marks where the replay of earlier events ends.
 */

/** Events are a few hundred bytes; a line that does not end is none of ours. */
const PENDING_CHARACTERS_MAX = 1024 * 1024;

/** One stream, from its first byte. */
export class EventStreamReader {
  #pending = '';
  #data: string[] = [];
  #dataLength = 0;
  /** Whether everything that had happened before has been replayed. */
  isLive = false;

  /** The data of each message that is complete with this text; undefined when a limit was passed, which ends the stream. */
  push(text: string): readonly string[] | undefined {
    this.#pending += text;
    const messages: string[] = [];
    // A CR at the end may be half of a CRLF: it waits for what follows.
    const lines = this.#pending.split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop()!;
    for (const line of lines) this.#take(line, messages);
    return this.#pending.length + this.#dataLength > PENDING_CHARACTERS_MAX ? undefined : messages;
  }

  #take(line: string, messages: string[]): void {
    if (line === '') {
      if (this.#data.length > 0) messages.push(this.#data.join('\n'));
      this.#data = [];
      this.#dataLength = 0;
      return;
    }
    if (line === ': live') this.isLive = true;
    const match = /^data(?:: ?(.*))?$/s.exec(line);
    if (match === null) return;
    const value = match[1] ?? '';
    this.#data.push(value);
    this.#dataLength += value.length;
  }
}
