/** Cards, lines, forecasts and explanations of rollouts as pure text: exact where people read them, and always within the width. */

import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { agreementLine, agrees, explanationText } from '../../../src/cli/explanation-text.ts';
import { span } from '../../../src/cli/figures.ts';
import { forecastText } from '../../../src/cli/forecast-text.ts';
import { plainTable } from '../../../src/cli/plain-table.ts';
import { rolloutCard } from '../../../src/cli/rollout-card.ts';
import { changeKey, endLine, progressLine, rolloutLine } from '../../../src/cli/rollout-line.ts';
import { isExplanation, isRolloutForecast, isRolloutView } from '../../../src/cli/rollout-shapes.ts';
import { columnsOf, wrapped } from '../../../src/cli/terminal-text.ts';
import { ended, explanation, forecast, NEARLY, rollout, verdictOf, WAITING } from './rollout-samples.ts';

const plainStyle = { width: 80, colour: false, unicode: true };

t.test('a card shows the step, the time that is left, the shares, the verdict and each signal', async (t) => {
  t.equal(
    rolloutCard(rollout({ verdict: NEARLY }), plainStyle, false),
    `shop  rollout 12 to green (v2.0), canary, by cli:ann, 2026-01-31 12:00:00Z
  steps     1%  [10%]  100%  bake
  phase     holding, step 2 of 3, 5 min 48 s left of 10 min  ██████▊
  shares    green 10%  █▋                blue 90%
  reason    step 2 of 3: green has 10%
  verdict   waiting: 5 of 412 on green failed, 5 of 3,708 on blue; evidence 51,
            needs 100; about 110,000 more requests at this rate to call it
            healthy
  errors    waiting       evidence 51 of 100  ████████▌
            green 5 of 412 (1.2%), blue 5 of 3,708 (0.13%); risk 9.0x (0.84x to
            96x)
`,
  );
});

t.test('in a plain locale a card is ASCII only, and a colour never says anything alone', async (t) => {
  const card = rolloutCard(rollout(), { ...plainStyle, unicode: false }, false);
  t.match(card, /^[\n\x20-\x7e]*$/);
  const coloured = rolloutCard(rollout({ phase: 'rolled-back' }), { ...plainStyle, colour: true }, false);
  t.match(coloured, '\x1b[31mrolled back\x1b[0m');
  t.equal(stripVTControlCharacters(coloured), rolloutCard(rollout({ phase: 'rolled-back' }), plainStyle, false));
});

t.test('a verification is a table of all results; while somebody watches, only when something is wrong', async (t) => {
  const results = [
    { endpoint: '127.0.0.1:3101', check: 'health', ok: true, detail: 'ok' },
    { endpoint: '127.0.0.1:3102', check: 'GET /ready', ok: false, detail: 'status 500, expected 200' },
  ];
  const failed = rollout({ verification: { ok: false, results, text: '1 of 2 checks failed' } });
  for (const isLive of [false, true]) {
    t.match(
      rolloutCard(failed, plainStyle, isLive),
      `  verify    not verified
  ENDPOINT        CHECK       RESULT  DETAIL
  127.0.0.1:3101  health      ok
  127.0.0.1:3102  GET /ready  FAILED  status 500, expected 200
`,
    );
  }
  const well = { ok: true, results: results.slice(0, 1), text: 'verified: 1 check passed' };
  t.match(rolloutCard(rollout({ verification: well }), plainStyle, false), 'ENDPOINT');
  t.notMatch(rolloutCard(rollout({ verification: well }), plainStyle, true), 'ENDPOINT');
});

t.test('a card says what is halted, paused and queued, and a signal that changes nothing', async (t) => {
  t.match(rolloutCard(rollout({ isHalted: true }), plainStyle, true), 'holding, halted, step 2 of 3');
  t.match(
    rolloutCard(rollout({ phase: 'paused', pausedBy: 'inconclusive' }), plainStyle, true),
    'paused by inconclusive',
  );
  t.match(rolloutCard(rollout({ phase: 'paused', pausedBy: 'person' }), plainStyle, true), 'paused by hand');
  t.match(rolloutCard(rollout({ isQueued: true }), plainStyle, true), 'another rollout waits');
  const warm = ended('succeeded', 'x', { warmUntil: '2026-01-31T13:14:12.000Z' });
  t.match(rolloutCard(warm, plainStyle, false), 'until 2026-01-31 13:14:12Z: `tidegate rollback shop` goes back');
  const [errors] = WAITING.signals;
  const dry = rollout({ verdict: { ...WAITING, signals: [{ ...errors!, acts: false }] } });
  t.match(rolloutCard(dry, plainStyle, true), '(dry run: changes nothing)');
});

t.test('a signal of a kind that this version does not know is shown by its sentence', async (t) => {
  const strange = {
    name: 'phase of the moon',
    kind: 'lunar',
    acts: true,
    opinion: 'worse',
    sentence: 'worse: it is full',
  };
  const view = rollout({ verdict: { ...WAITING, signals: [strange as never] } });
  t.equal(isRolloutView(view), true);
  t.match(rolloutCard(view, plainStyle, true), 'worse: it is full');
});

t.test('nothing from the server can move the cursor, and no line is longer than the width', async (t) => {
  const evil = '\x1b[2J\x1b]0;owned\x07\u202e\u0085x\r\ny';
  const long = 'a-name-that-does-not-end-'.repeat(20);
  for (const text of [evil, long]) {
    const view = rollout({
      service: text,
      candidate: text,
      active: text,
      version: text,
      reason: text,
      startedBy: text,
      verdict: { ...WAITING, sentence: text },
      verification: { ok: false, text, results: [{ endpoint: 'e', check: 'c', ok: false, detail: text }] },
    });
    for (const width of [60, 80, 120]) {
      const card = rolloutCard(view, { ...plainStyle, width }, false);
      t.notMatch(card, /[^\P{C}\n]/u);
      if (text === evil)
        t.ok(
          card.split('\n').every((line) => columnsOf(line) <= width),
          `${width} columns`,
        );
    }
    t.notMatch(rolloutLine(view) + progressLine(view, new Date(0)) + endLine(view), /\p{C}/u);
  }
});

t.test('a line says where it is, and a line of progress what the evidence of each signal needs', async (t) => {
  t.equal(
    rolloutLine(rollout()),
    'shop: rollout 12 to green (v2.0): holding, step 2 of 3, green has 10%, 5 min 48 s left; step 2 of 3: green has 10%',
  );
  t.equal(
    progressLine(rollout({ verdict: NEARLY }), new Date('2026-01-31T12:04:00Z')),
    `12:04:00Z holding, step 2 of 3: green 10%, 5 min 48 s left; ${NEARLY.sentence} [errors 51 of 100]`,
  );
  t.equal(
    endLine(ended('succeeded', 'the bake is over')),
    'shop: rollout 12 to green (v2.0) promoted: the bake is over',
  );
  t.equal(endLine(ended('rolled-back', 'worse: x')), 'shop: rollout 12 to green (v2.0) rolled back: worse: x');
});

t.test('a new line is for a change of phase, step, share or opinion, and not for numbers', async (t) => {
  const key = changeKey(rollout());
  t.equal(changeKey(rollout({ elapsedMs: 1, verdict: verdictOf([500, 1], [4_000, 5]) })), key);
  const others = [{ phase: 'paused' }, { step: 3 }, { share: 0.2 }, { isHalted: true }, { endedAt: 'now' }] as const;
  for (const change of others) t.not(changeKey(rollout(change)), key, JSON.stringify(change));
  t.not(changeKey(rollout({ verdict: verdictOf([412, 9], [3_708, 5]) })), key, 'another verdict');
});

t.test('a forecast says what it rests on, what each step finds, and what the plan may cost', async (t) => {
  const text = forecastText(forecast(), { ...plainStyle, width: 100 });
  t.match(text, 'In the last 10 min: 100 requests a second, 0.1% of them failed on blue.');
  t.match(text, 'It takes 25 min at least, and 1 approval.');
  t.match(text, /5% +2x +0\.2% +510,000 +1 h 25 min +184 +76 +9%\n/);
  t.match(text, /fails all +100% +59 +<1 s +3 +14 +99\.7%\n/);
  t.match(text, /2x +256 +NOT surely found by this plan\n/);
  t.match(text, /fails all +14 +taken back by then\n/);
  t.notMatch(text, 'now:');
});

t.test(
  'a forecast without traffic says so; one that would be refused says why; a budget says what it picked',
  async (t) => {
    const nothing = forecast({ traffic: { requests: 0, bad: 0, seconds: 600 }, costs: [] });
    t.match(forecastText(nothing, plainStyle), 'There was no traffic in the last 10 min, so nothing can be foretold');
    const obstacle = { kind: 'refuse', message: 'nothing is started now: it is Friday' } as const;
    t.match(forecastText(forecast({ obstacle }), plainStyle), '  now: nothing is started now: it is Friday\n');
    const picked = forecastText(forecast({ budget: { failedMax: 20, picked: 0.02 } }), plainStyle);
    t.match(picked, 'At most 20 failed requests: the first weight is 2%.');
    t.match(
      forecastText(forecast({ budget: { failedMax: 20, picked: null } }), plainStyle),
      'without traffic there is nothing',
    );
  },
);

t.test('an explanation tells each moment, and each change of the verdict with its numbers', async (t) => {
  const text = explanationText(explanation(), plainStyle);
  t.match(text, '  12:00:00Z  started          blue to green\n');
  t.match(text, '  12:00:09Z  verdict          worse: 9 of 412 on green failed');
  t.match(text, /errors {4}worse {9}evidence 43,503 of 100/);
  t.match(text, 'green 9 of 412 (2.2%), blue 5 of 3,708 (0.13%); risk 16x');
  t.match(explanationText(explanation({ momentsLeftOut: 7 }), plainStyle), '(and 7 more)');
});

t.test('an explanation says whether the log agrees with what was recorded, and where it does not', async (t) => {
  t.equal(agrees(explanation()), true);
  t.match(agreementLine(explanation()), '312 looks judged again from the log: each verdict is the recorded one');
  const looks = [{ atMs: 9_000, recorded: 'waiting', replayed: 'worse' }];
  const differing = explanation({ agreement: { differing: 3, looks, isLastSame: true } });
  t.equal(agrees(differing), false);
  t.match(
    agreementLine(differing),
    '3 verdicts are NOT the recorded ones, the first after 9 s: recorded as waiting, judged worse',
  );
  const last = explanation({ agreement: { differing: 0, looks: [], isLastSame: false } });
  t.equal(agrees(last), false);
  t.match(agreementLine(last), 'the last verdict is NOT the recorded one in all of its numbers');
  t.equal(agrees(explanation({ agreement: null })), true, 'other settings are compared with nothing');
});

t.test('answers of another shape are refused whole, down to the numbers of a signal', async (t) => {
  t.same([isRolloutView(rollout()), isRolloutForecast(forecast()), isExplanation(explanation())], [true, true, true]);
  const [errors] = WAITING.signals;
  const { evidence: _, ...fewer } = (errors as unknown as { readonly numbers: Record<string, unknown> }).numbers;
  const without = { ...WAITING, signals: [{ ...errors, numbers: fewer }] };
  t.equal(isRolloutView({ ...rollout(), verdict: without }), false);
  t.equal(isRolloutView({ ...rollout(), steps: [{ share: '1%' }] }), false);
  t.equal(isRolloutView({ ...rollout(), verdict: undefined }), false);
  t.equal(isRolloutForecast({ ...forecast(), costs: null }), false);
  t.equal(isExplanation({ ...explanation(), moments: [{ at: 'x', atMs: 1, kind: 'verdict' }] }), false);
  t.equal(isExplanation({ ...explanation(), moments: [{ at: 'x', atMs: 1, kind: 'miracle' }] }), false);
});

t.test('a long time is told by its two largest units', async (t) => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [-5, '0 s'],
    [45_400, '45 s'],
    [59_600, '1 min'],
    [545_000, '9 min 5 s'],
    [7_500_000, '2 h 5 min'],
    [3_600_000 + 5_000, '1 h'],
    [273_600_000, '3 d 4 h'],
  ];
  for (const [ms, text] of cases) t.equal(span(ms), text);
});

t.test('text is wrapped at spaces, and a table gives its last column what is left', async (t) => {
  t.same(wrapped('one two three', 7), ['one two', 'three']);
  t.same(wrapped('', 7), ['']);
  t.same(wrapped('indivisible', 7), ['indivi~']);
  const columns = [
    { title: 'N', side: 'right' },
    { title: 'WHY', side: 'left' },
  ] as const;
  t.same(plainTable(columns, [['10', 'a long reason']], { width: 12, indent: 1, mark: '~' }), [
    '  N  WHY',
    ' 10  a long~',
  ]);
});
