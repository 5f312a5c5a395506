/**
 * Visitors: requests at a rate, evenly spread over time as far as the computer keeps up, and what came of them by version.
 *
 * Unlike `Load`, which sends as fast as it is answered, this is for what depends on time: how many requests meet a bad
 * version before it is gone. A status of 500 is an answer like others; what was not answered whole is lost.
 */
import { Agent, request } from 'node:http';

const BEAT_MS = 5;

/** What one version has answered. */
export interface Answers {
  ok: number;
  failed: number;
}

export class Visitors {
  readonly answers = new Map<string, Answers>();
  sent = 0;
  lost = 0;
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();

  constructor(port: number, perSecond: number) {
    this.#port = port;
    const beganAt = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - beganAt) / 1000) * perSecond;
      while (this.sent < due) this.#send();
    }, BEAT_MS);
  }

  /** What this version has answered until now. */
  of(version: string): Readonly<Answers> {
    return this.answers.get(version) ?? { ok: 0, failed: 0 };
  }

  get answered(): number {
    return [...this.answers.values()].reduce((sum, { ok, failed }) => sum + ok + failed, 0);
  }

  /** Sends nothing more, and waits for what is owed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #send(): void {
    this.sent += 1;
    const one = this.#visit();
    this.#underWay.add(one);
    void one.then(() => this.#underWay.delete(one));
  }

  #visit(): Promise<void> {
    return new Promise((resolve) => {
      const lose = (): void => {
        this.lost += 1;
        resolve();
      };
      const req = request({ host: '127.0.0.1', port: this.#port, path: `/${this.sent}`, agent: this.#agent }, (res) => {
        res.resume();
        res.on('error', lose);
        res.on('end', () => {
          const version = String(res.headers['x-version'] ?? 'tidegate');
          const answers = this.answers.get(version) ?? { ok: 0, failed: 0 };
          this.answers.set(version, answers);
          if (res.statusCode === 200) answers.ok += 1;
          else answers.failed += 1;
          resolve();
        });
      });
      req.on('error', lose);
      req.end();
    });
  }
}
