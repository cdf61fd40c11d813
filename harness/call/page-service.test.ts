import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VendorProfile } from '../recording/format.ts';
import { AddressError, pageService } from './page-service.ts';

const vendor: VendorProfile = { vendor: 'v', statements: [] };
const reach = async (template: string) => (await pageService(template, vendor, []).start()).reach;

describe('a page as a service', () => {
  it('is filled in for each participant, encoded', async () => {
    const running = await pageService(
      'http://127.0.0.1/call?room={meeting}&name={participant}#{secret}',
      vendor,
      [],
    ).start();
    const visited: string[] = [];
    const page = { goto: async (url: string) => void visited.push(url) };
    await running.join(page as never, { meeting: 'm1', participant: 'a b&c', secret: 's' });
    expect(visited).toEqual(['http://127.0.0.1/call?room=m1&name=a%20b%26c#s']);
  });

  it('keeps what could hold a passphrase out of its name', () => {
    expect(pageService('https://user:pw@meet.example/x?key=k#{secret}', vendor, []).name).toBe(
      'https://meet.example/x',
    );
  });

  it.each(['http://127.0.0.1:1/', 'http://127.8.9.1/', 'http://localhost/', 'https://a.localhost/', 'http://[::1]/'])(
    '%s stays on this machine',
    async (address) => expect(await reach(address)).toBe('loopback'),
  );

  it.each(['http://10.0.0.1/', 'https://127.0.0.1.example/', 'https://meet.example/', 'https://localhost.example/'])(
    '%s may reach anything',
    async (address) => expect(await reach(address)).toBe('anywhere'),
  );

  it.each([
    ['http://127.0.0.1/{room}', /unknown place \{room\}/],
    ['ftp://127.0.0.1/', /expected an http or https address/],
    ['http://', /expected an address such as/],
  ])('%s is refused in one line', (template, line) => {
    expect(() => pageService(template, vendor, [])).toThrow(line);
  });

  it('refuses whatever is no address with an AddressError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          pageService(text, vendor, []);
        } catch (error) {
          expect(error).toBeInstanceOf(AddressError);
        }
      }),
    );
  });
});
