import t from 'tap';
import { Dial } from '../../../src/flags/dial.ts';
import { ANN, done, FlagStage, flagConfig } from './flag-stage.ts';

const PERCENTAGE = 'web: { strategy: percentage, value: 5 }';

function stage(...flags: readonly string[]): FlagStage {
  const made = new FlagStage();
  made.apply(flagConfig(...flags));
  return made;
}

t.test('a share is one store in the dial that every thread has, and takes the next slot', async (t) => {
  const { flags, ...made } = Object.assign(stage(PERCENTAGE), {});
  const { inForce } = made;
  const dial = new Dial(inForce[0]!.dial);
  t.strictSame(dial.position(), { share: 5_000, slot: 0, killed: false });
  t.match(done(await flags.set('web', { value: 12.5 }, ANN)), {
    flag: 'web',
    revision: 2,
    how: 'set',
    from: { share: 5, killed: false },
    to: { share: 12.5, definition: { strategy: 'percentage', value: 12.5 } },
    by: 'ann',
    reason: 'why not',
    stored: true,
  });
  t.strictSame(dial.position(), { share: 12_500, slot: 1, killed: false });
  for (let change = 2; change <= 64; change++) done(await flags.set('web', { value: change }, ANN));
  t.equal(dial.position().slot, 0, 'and begins again after the last');
  t.equal(made.built, 1, 'no snapshot was built for it');
});

t.test('what a routed flag says comes with a snapshot, and another share with it comes in another dial', async (t) => {
  const made = stage(PERCENTAGE);
  const [before] = made.inForce;
  done(await made.set('web', { rules: [{ strategy: 'all', when: [{ attribute: 'staff', equals: true }] }] }));
  const [rules] = made.inForce;
  t.equal(made.built, 2);
  t.equal(rules!.dial, before!.dial, 'with the same share it keeps its dial');
  t.not(rules!.revision, before!.revision);
  done(await made.set('web', { strategy: 'variants', variants: { on: {}, off: {} }, value: 50 }));
  const [variants] = made.inForce;
  t.not(variants!.dial, before!.dial);
  t.strictSame(new Dial(variants!.dial).position(), { share: 50_000, slot: 1, killed: false });
  t.strictSame(
    new Dial(before!.dial).position(),
    { share: 5_000, slot: 0, killed: false },
    'what it said before keeps its share',
  );
});

t.test('a flag that no route names never reaches the threads, and one that is needed does', async (t) => {
  const made = stage(
    'web: { strategy: all, requires: [{ flag: base }] }',
    'base: { strategy: all }',
    'other: { strategy: all }',
  );
  t.strictSame(made.inForce.map(({ name }) => name).sort(), ['base', 'web']);
  done(await made.set('other', { strategy: 'none' }));
  done(await made.set('fresh', { strategy: 'all' }));
  t.equal(made.built, 1);
  t.equal(made.variantOf('other'), 'off');
  t.equal(made.variantOf('fresh'), 'on');
  done(await made.set('web', { requires: [{ flag: 'fresh' }] }));
  t.strictSame(made.inForce.map(({ name }) => name).sort(), ['fresh', 'web']);
});

t.test('a kill holds whatever is said afterwards, until it is taken back', async (t) => {
  const made = stage('web: { strategy: all }');
  const receipt = done(await made.flags.kill('web', ANN));
  t.match(receipt, { how: 'kill', from: { killed: false }, to: { killed: true }, revision: 2 });
  t.equal(made.graces, 1, 'it is answered when no request is treated any more');
  t.equal(made.variantOf('web'), 'off');
  done(await made.set('web', { strategy: 'percentage', value: 100 }));
  t.equal(made.variantOf('web'), 'off');
  made.apply(flagConfig('web: { strategy: all, description: other, salt: other }'));
  t.equal(made.variantOf('web'), 'off', 'an edit of the file is no restoration');
  t.match(made.told.at(-1)?.text, /it stays killed/);
  done(await made.flags.restore('web', ANN));
  t.equal(made.variantOf('web'), 'on');
  t.match(await made.flags.restore('web', ANN), { refused: true, code: 'not-killed' });
});

t.test('a killed flag that leaves the file comes back killed, and one that a call removed does not', async (t) => {
  const made = new FlagStage();
  const config = flagConfig('web: { strategy: all }');
  made.apply(config);
  await made.flags.kill('web', ANN);
  made.apply(flagConfig());
  made.apply(config);
  t.match(made.stand('web'), { killed: true, revision: 4 });
  t.match(made.told.at(-1)?.text, /new, changed in the file; it is killed, as it was when it left the file/);
  t.equal(made.variantOf('web'), 'off');
  await made.flags.restore('web', ANN);
  made.apply(flagConfig());
  made.apply(config);
  t.match(made.stand('web'), { killed: false, revision: 7 });
  await made.flags.set('own', { strategy: 'all' }, ANN);
  await made.flags.kill('own', ANN);
  await made.flags.remove('own', ANN);
  t.match(await made.flags.set('own', { strategy: 'all' }, ANN), { revision: 4, to: { killed: false } });
});

t.test('a kill that comes while a snapshot is staged is in what is staged too', async (t) => {
  const made = stage(PERCENTAGE);
  const [before] = made.inForce;
  made.onStaged = () => void made.flags.kill('web', ANN);
  const receipt = done(await made.set('web', { strategy: 'variants', value: 100, variants: { on: {}, off: {} } }));
  const [after] = made.inForce;
  t.not(after!.dial, before!.dial);
  t.equal(new Dial(before!.dial).position().killed, true);
  t.equal(new Dial(after!.dial).position().killed, true);
  t.match(receipt, { revision: 3, to: { killed: true } });
});

t.test('when the threads cannot take a snapshot, nothing has changed', async (t) => {
  const made = stage(PERCENTAGE);
  const before = made.stand('web');
  const { revision } = made.flags;
  made.obstacle = 'a thread does not answer';
  t.match(await made.set('web', { rules: [{ strategy: 'all' }] }), { refused: true, code: 'not-applied' });
  t.strictSame(made.stand('web'), before);
  t.equal(made.flags.revision, revision);
  made.obstacle = null;
  done(await made.set('web', { value: 6 }));
  t.match(made.stand('web'), { definition: { value: 6 }, revision: 2 }, 'and what was refused is not remembered');
});

t.test('the last instruction wins: what is set at run time stands until the file says something else', async (t) => {
  const made = stage(PERCENTAGE, 'base: { strategy: all }');
  done(await made.set('web', { value: 50 }));
  made.apply(flagConfig(PERCENTAGE, 'base: { strategy: none }'));
  t.match(made.stand('web'), { share: 50, asInFile: false, revision: 2 }, 'an edit of something else is none');
  made.apply(flagConfig('web: { strategy: percentage, value: 7 }', 'base: { strategy: none }'));
  t.match(made.stand('web'), { share: 7, asInFile: true, revision: 3 });
  made.apply(flagConfig('base: { strategy: none }'));
  t.strictSame(made.stand('web'), { refused: 'unknown-flag' }, 'a flag that leaves the file is gone');
  t.match(done(made.flags.history('web'))[0], { how: 'file', revision: 4, to: null });
});

t.test('a restart is no instruction: everything is as it was, killed or changed or made', async (t) => {
  const path = `${t.testdir()}/state.db`;
  const config = flagConfig(PERCENTAGE, 'base: { strategy: all }', 'plain: { strategy: all }');
  const first = new FlagStage(path);
  first.apply(config);
  done(await first.set('web', { value: 33 }));
  done(await first.flags.kill('base', ANN));
  done(await first.set('made', { strategy: 'users', value: ['alice'], requires: [{ flag: 'plain' }] }));
  const { revision } = first.flags;
  const before = first.flags.list();
  first.store.close();
  const second = new FlagStage(path);
  second.apply(config);
  t.strictSame(second.flags.list(), before);
  t.equal(second.flags.revision, revision);
  t.strictSame(new Dial(second.inForce[0]!.dial).position(), { share: 33_000, slot: 1, killed: false });
  t.equal(second.variantOf('base'), 'off');
  t.equal(second.variantOf('made'), 'on');
  t.equal(second.told.length, 0, 'and there is nothing to tell');
  done(await second.flags.remove('made', ANN));
  second.store.close();
  const third = new FlagStage(path);
  third.apply(config);
  t.strictSame(third.stand('made'), { refused: 'unknown-flag' });
  done(await third.set('made', { strategy: 'all' }));
  t.strictSame(
    done(third.flags.history('made')).map(({ how, revision: at }) => [how, at]),
    [
      ['set', 3],
      ['remove', 2],
      ['set', 1],
    ],
    'a revision never means two things',
  );
  third.store.close();
});

t.test('what is said while an edit of the file waits for its turn is the later word', async (t) => {
  const made = stage(PERCENTAGE, 'base: { strategy: all }');
  const said = made.flags.said();
  const edited = flagConfig('web: { strategy: percentage, value: 7 }', 'base: { strategy: none }');
  done(await made.set('web', { value: 50 }));
  done(await made.flags.kill('base', ANN));
  const undo = made.flags.supersede(edited, said);
  undo();
  t.match(made.stand('web'), { share: 50, asInFile: false });
  made.flags.supersede(edited, said);
  made.apply(edited);
  t.match(made.stand('web'), { share: 50, asInFile: false });
  t.match(
    made.stand('base'),
    { definition: { strategy: 'none' }, killed: true },
    'a kill says nothing of what a flag says',
  );
  made.apply(flagConfig('web: { strategy: percentage, value: 8 }', 'base: { strategy: none }'));
  t.match(made.stand('web'), { share: 8 });
});

t.test('what was edited between two runs of the file wins over what was set before', async (t) => {
  const path = `${t.testdir()}/state.db`;
  const first = new FlagStage(path);
  first.apply(flagConfig(PERCENTAGE));
  done(await first.set('web', { value: 33 }));
  first.store.close();
  const second = new FlagStage(path);
  second.apply(flagConfig('web: { strategy: percentage, value: 8 }'));
  t.match(second.stand('web'), { share: 8, asInFile: true });
  second.store.close();
});

t.test('a change that the state file does not take is so all the same, says so, and is written later', async (t) => {
  const made = stage(PERCENTAGE);
  const { write } = made.store;
  made.store.write = () => ({ ok: false, error: 'disk full' });
  t.match(await made.flags.kill('web', ANN), { stored: false, to: { killed: true } });
  t.match(made.stand('web'), { killed: true, stored: false });
  t.match(done(made.flags.history('web'))[0], { how: 'kill', stored: false });
  t.ok(made.flags.unkept > 0);
  made.store.write = write;
  made.flags.keepUnkept();
  t.equal(made.flags.unkept, 0);
  t.match(made.stand('web'), { killed: true, stored: true });
  t.match(done(made.flags.history('web'))[0], { how: 'kill', revision: 2 });
});

t.test('everything that would break something is refused with the reason, and changes nothing', async (t) => {
  const made = stage(PERCENTAGE, 'base: { strategy: all }', 'top: { strategy: all, requires: [{ flag: base }] }');
  done(await made.set('made', { strategy: 'all' }));
  done(await made.set('needing', { strategy: 'all', requires: [{ flag: 'made' }] }));
  const before = made.flags.list();
  const refused = async (answer: Promise<object>, code: string, message: RegExp): Promise<void> => {
    t.match(await answer, { refused: true, code, message });
  };
  await refused(made.flags.remove('base', ANN), 'flag-in-file', /is in the config file/);
  await refused(made.flags.remove('made', ANN), 'flag-required', /needing needs made/);
  await refused(made.flags.remove('nobody', ANN), 'unknown-flag', /there is no flag nobody/);
  await refused(
    made.set('base', { requires: [{ flag: 'web' }] }),
    'flag-required',
    /top needs base: base needs web itself/,
  );
  await refused(
    made.set('base', { variants: { x: {} }, offVariant: 'x', variant: 'x' }),
    'flag-required',
    /on is no variant/,
  );
  await refused(made.set('base', { requires: [{ flag: 'base' }] }), 'bad-flag', /cannot need itself/);
  await refused(
    made.set('web', { variants: { x: { pool: 'red' } }, offVariant: 'x', variant: 'x' }),
    'bad-flag',
    /red is no pool/,
  );
  await refused(made.set('web', { value: 101 }), 'bad-flag', /flag web: value: is not allowed; allowed: a percentage/);
  await refused(
    made.set('web', { vlaue: 1 }),
    'bad-flag',
    /vlaue: is not a known key; allowed: .*did you mean "value"/,
  );
  await refused(
    made.set('web', { variants: { 2: {}, b: {} } }),
    'bad-flag',
    /variants\.2: is not allowed as a name; allowed: a name of .* not a whole number/,
  );
  await refused(made.set('web', [1]), 'bad-flag', /must be a mapping/);
  await refused(made.set('../etc', { strategy: 'all' }), 'bad-flag', /cannot be the name of a flag/);
  await refused(made.set('import', { strategy: 'all' }), 'bad-flag', /cannot be the name of a flag/);
  await refused(made.set('web', { value: 6 }, { ifEpoch: 9 }), 'revision-mismatch', /at revision 1 and not at 9/);
  await refused(made.flags.kill('web', { ...ANN, ifEpoch: 9 }), 'revision-mismatch', /at revision 1/);
  for (const change of [{ salt: 'x' }, { bucketBy: 'company' }, { bucketing: 'unleash' }]) {
    await refused(made.set('web', change), 'resalt', /puts the users of web into other buckets/);
  }
  t.strictSame(made.flags.list(), before);
  done(await made.set('web', { salt: 'x' }, { resalt: true }));
  done(await made.set('fresh', { strategy: 'all' }, { ifEpoch: 0 }));
});

t.test('a list of flags is taken as a whole or not at all', async (t) => {
  const made = stage(PERCENTAGE);
  const good = { name: 'one', definition: { strategy: 'all', requires: [{ flag: 'two' }] } };
  const answer = await made.flags.import([good, { name: 'two', definition: { strategy: 'users' } }], ANN);
  t.match(answer, { refused: true, code: 'bad-flag', message: /flag two: value/ });
  t.strictSame(
    made.flags.list().map(({ name }) => name),
    ['web'],
  );
  const receipts = done(await made.flags.import([good, { name: 'two', definition: { strategy: 'all' } }], ANN));
  t.match(receipts, [{ flag: 'one', how: 'import', revision: 1 }, { flag: 'two' }]);
  t.equal(made.variantOf('one'), 'on');
  const many = Array.from({ length: 998 }, (_, index) => ({ name: `f${index}`, definition: { strategy: 'all' } }));
  t.match(await made.flags.import(many, ANN), { refused: true, code: 'too-many-flags' });
  const told = made.told.length;
  t.equal(done(await made.flags.import(many.slice(1), ANN)).length, 997);
  t.equal(made.told.length, told + 1, 'a long list is one event');
});

t.test(
  'a good file comes into force however many flags were made at run time, and those can still be changed',
  async (t) => {
    const made = stage(PERCENTAGE);
    const many = Array.from({ length: 999 }, (_, index) => ({ name: `f${index}`, definition: { strategy: 'all' } }));
    done(await made.flags.import(many, ANN));
    t.equal(made.apply(flagConfig(PERCENTAGE, 'more: { strategy: all }', 'last: { strategy: all }')), null);
    t.equal(made.variantOf('last'), 'on');
    t.match(await made.set('another', { strategy: 'all' }), { refused: true, code: 'too-many-flags' });
    t.match(done(await made.set('web', { value: 7 })), { to: { share: 7 } });
    t.match(done(await made.flags.remove('f0', ANN)), { to: null });
  },
);

t.test('a flag whose need the file has taken away is off, and everybody is told', async (t) => {
  const made = stage('web: { strategy: all }', 'base: { strategy: all }');
  done(await made.set('made', { strategy: 'all', requires: [{ flag: 'base' }] }));
  t.equal(made.variantOf('made'), 'on');
  made.apply(flagConfig('web: { strategy: all }'));
  t.equal(made.variantOf('made'), 'off');
  t.match(made.flags.get('made'), { problem: 'base is no flag', revision: 1 });
  t.match(
    made.told.map(({ text }) => text).join('\n'),
    /flag made is off, because what it needs is not there: base is no flag/,
  );
  made.apply(flagConfig('web: { strategy: all }', 'base: { strategy: all }'));
  t.equal(made.variantOf('made'), 'on');
  t.match(made.flags.get('made'), { problem: null });
});

t.test('another environment is another flag, without anybody having said anything', async (t) => {
  const flag = 'web: { strategy: percentage, value: 5, environments: { staging: { strategy: all } } }';
  const made = stage(flag);
  t.match(made.flags.get('web'), { strategy: 'percentage', share: 5 });
  made.apply({ ...flagConfig(flag), environment: 'staging' });
  t.match(made.flags.get('web'), { strategy: 'all', share: null, revision: 1 });
  t.equal(made.variantOf('web'), 'on');
  done(await made.set('web', { strategy: 'none' }));
  t.match(made.flags.get('web'), {
    strategy: 'none',
    definition: { strategy: 'percentage', environments: { staging: { strategy: 'none' } } },
  });
});

t.test('whoever listens is called for each change that can change an answer', async (t) => {
  const made = stage(PERCENTAGE);
  const heard: string[] = [];
  const stop = made.flags.onChange(() => heard.push(made.flags.revision));
  done(await made.set('web', { value: 6 }));
  done(await made.flags.kill('web', ANN));
  done(await made.set('web', { rules: [] }));
  stop();
  done(await made.set('web', { value: 7 }));
  t.equal(heard.length, 3);
  t.equal(new Set(heard).size, 2, 'an empty list of rules changes nothing');
});

t.test(
  'counts of evaluations outlive other variants, and those of flags that are not known have no name',
  async (t) => {
    const made = stage(PERCENTAGE);
    const ask = (flag: string): void => {
      made.variantOf(flag);
      made.flags.count({
        flag,
        index: flag === 'web' ? 0 : -1,
        variant: 'off',
        value: false,
        reason: 'SPLIT',
        error: null,
        rule: null,
        revision: '',
      });
    };
    for (let count = 0; count < 3; count++) ask('web');
    ask('nobody');
    done(await made.set('web', { strategy: 'variants', variants: { off: {}, blue: {}, red: {} } }));
    ask('web');
    const evaluations = made.flags.figures().evaluations.filter(({ flag }) => flag === 'web');
    t.strictSame(evaluations, [{ flag: 'web', variant: 'off', reason: 'SPLIT', count: 4 }]);
    t.match(made.flags.figures(), {
      flags: [{ flag: 'web', killed: false, share: 1 }],
      changes: [
        { flag: 'web', how: 'file', count: 1 },
        { flag: 'web', how: 'set', count: 1 },
      ],
      evaluations: [{}, { flag: '', variant: '', reason: 'ERROR', count: 1 }],
    });
  },
);

t.test('a preview says what would change and changes nothing', async (t) => {
  const made = stage(PERCENTAGE);
  const before = made.stand('web');
  t.match(made.flags.preview('web', { value: 25 }), {
    from: { share: 5 },
    to: { share: 25 },
    ofAll: 0.2,
    sample: { moved: [] },
  });
  t.match(
    made.flags.preview('web', { salt: 'x' }),
    { sample: { moved: ['salt'] } },
    'also where the change itself is refused',
  );
  t.match(made.flags.preview('web', { value: -1 }), { refused: true, code: 'bad-flag' });
  t.strictSame(made.stand('web'), before);
});
