import type { Scenario } from '../harness/call/scenario.ts';

/**
 * For services that send a participant's own media back to her. Her page must show nothing but what came back: the adapter sees
 * to that. It can refute, but uphold nothing, as nobody else was there.
 */
export const scenario: Scenario = {
  name: 'echo',
  title: 'One person meets a service that sends back what she sends.',
  participants: [{ name: 'alice' }],
  async run(call) {
    await call.join('alice');
    await call.untilConnected();
    await call.talk();
    await call.leave('alice');
  },
};
