import t from 'tap';
import { fillTemplate } from '../../../bench/contenders.ts';

t.test("a template gets its values, keeps the server's own variables, and refuses an unknown name", async (t) => {
  const filled = fillTemplate('listen @LISTEN@; host $http_host; up @LISTEN@', { LISTEN: 81 });
  t.equal(filled, 'listen 81; host $http_host; up 81');
  t.throws(() => fillTemplate('@ELSEWHERE@', { LISTEN: 81 }), /ELSEWHERE/);
});
