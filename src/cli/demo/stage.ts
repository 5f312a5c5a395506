/**
 * What the demo shows: lines that stay, and below them on a terminal the live table of the services.
 *
 * Where the output is no terminal (a pipe, a file, a CI log), nothing is drawn twice: lines only, and the table where the
 * story asks for it.
 */
import { type Admin, ask } from '../admin-client.ts';
import { isServiceList } from '../answer-shapes.ts';
import type { CliIo } from '../io.ts';
import { LiveScreen } from '../live-screen.ts';
import { renderStatus } from '../status-table.ts';
import { ascii } from '../terminal-text.ts';

const REFRESH_MS = 500;

/** The output of one demo. With `silent` nothing at all is said. */
export class Stage {
  readonly #io: CliIo;
  readonly #silent: boolean;
  readonly #live: LiveScreen | null;
  #admin: Admin | null = null;
  #footer: () => string = () => '';
  #table = '';
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #closed = false;

  constructor(io: CliIo, silent: boolean) {
    this.#io = io;
    this.#silent = silent;
    this.#live = io.isTerminal && !silent ? new LiveScreen() : null;
  }

  /** Whether the output takes more than ASCII. */
  get unicode(): boolean {
    return this.#io.screen().unicode;
  }

  /** Says lines that stay. */
  say(...lines: readonly string[]): void {
    if (this.#silent) return;
    const { unicode } = this.#io.screen();
    const text = `${lines.map((line) => (unicode ? line : ascii(line))).join('\n')}\n`;
    if (this.#live === null || this.#table === '') {
      this.#io.out(text);
      return;
    }
    // An empty frame clears the table away; what is said takes its place, and the table follows below.
    this.#io.out(this.#live.frame('', this.#io.screen()));
    this.#io.out(`\x1b[1A\r${this.#live.end()}${text}`);
    this.#draw();
  }

  /** Begins to draw the live table, with the footer below it; without a terminal nothing is drawn. */
  open(admin: Admin, footer: () => string): void {
    this.#admin = admin;
    this.#footer = footer;
    if (this.#live === null) return;
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  /** Says the table as it is now, where it is not on the screen already. */
  async showTable(): Promise<void> {
    if (this.#live !== null || this.#silent || this.#admin === null) return;
    await this.#fetch();
    if (this.#table !== '') this.#io.out(`\n${this.#table}${this.#footer()}\n`);
  }

  /** Leaves the terminal as it was found. */
  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    if (this.#live === null) return;
    this.#io.out(this.#live.end());
    this.#table = '';
  }

  async #refresh(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    await this.#fetch();
    this.#asking = false;
    if (!this.#closed) this.#draw();
  }

  async #fetch(): Promise<void> {
    const answer = await ask(this.#admin!, { method: 'GET', path: ['api', 'services'] }, isServiceList);
    if (answer.kind !== 'ok') return;
    const { columns, colour, unicode } = this.#io.screen();
    this.#table = renderStatus(answer.value.services, { width: columns, colour, unicode });
  }

  #draw(): void {
    if (this.#live === null || this.#table === '') return;
    this.#io.out(this.#live.frame(`\n${this.#table}${this.#footer()}`, this.#io.screen()));
  }
}
