import type { Scenario } from '../harness/call/scenario.ts';

export const scenario: Scenario = {
  name: 'camera-off',
  title: 'Two people meet without the test card and tone, so that nothing can be told of the media.',
  participants: [
    { name: 'alice', media: false },
    { name: 'bob', media: false },
  ],
  async run(call) {
    await call.join('alice');
    await call.join('bob');
    await call.talk();
    await call.leave('bob');
    await call.leave('alice');
  },
};
