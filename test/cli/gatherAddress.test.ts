import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseNetworks, refusedAddress } from '../../cli/src/gather/address.ts';
import { createAgent } from '../../cli/src/gather/agent.ts';
import { request } from '../../cli/src/gather/request.ts';
import { parseUrl } from '../../cli/src/gather/url.ts';
import { UsageError } from '../../src/errors.ts';

const PUBLIC_ONLY = { all: false, networks: [] };

describe('refusedAddress', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('takes %s', (address) => {
    expect(refusedAddress(address, PUBLIC_ONLY)).toBeUndefined();
  });

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.0.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '::ffff:0:10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '100::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '4000::1',
    'example.org',
  ])('refuses %s', (address) => {
    expect(refusedAddress(address, PUBLIC_ONLY)).toContain(address.includes('.') ? '' : 'address');
    expect(refusedAddress(address, { all: true, networks: [] })).toBeUndefined();
  });

  it('takes what is in a network that is allowed, also as an IPv6 address', () => {
    const rules = { all: false, networks: parseNetworks('127.0.0.1, 10.1.0.0/16,fd00::/8') };
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.1.255.1', 'fd00::9']) {
      expect(refusedAddress(address, rules), address).toBeUndefined();
    }
    for (const address of ['127.0.0.2', '10.2.0.1', 'fc00::9']) {
      expect(refusedAddress(address, rules), address).toMatch(`${address} is a`);
    }
  });

  it.each(['', 'localhost', '10.0.0.0/33', '10.0.0.1,,::1'])('refuses %j as a list of networks', (text) => {
    expect(() => parseNetworks(text)).toThrow(UsageError);
    expect(() => parseNetworks(text)).toThrow(
      /--allow-address: ".*" is no address or network; give some, such as/,
    );
  });
});

describe('parseUrl', () => {
  it('reads numbers as addresses, which are judged then', () => {
    for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '%31%32%37.0.0.1', '１２７.0.0.1']) {
      expect(parseUrl(`http://${host}/a`).hostname, host).toBe('127.0.0.1');
    }
  });
  it('leaves out the fragment, and takes a base', () => {
    expect(parseUrl('HTTP://Example.org/a?b#c').href).toBe('http://example.org/a?b');
    expect(parseUrl('//other.org/b', new URL('https://example.org/a')).href).toBe('https://other.org/b');
  });
  it.each([
    ['', /^not a URL$/],
    ['example.org/a.jpg', /^not a URL$/],
    ['http://', /^not a URL$/],
    ['http://1.2.3.4.5/', /^not a URL$/],
    ['ftp://example.org/a', /^refused: only http and https, not ftp$/],
    ['file:///etc/passwd', /not file$/],
    ['data:image/png;base64,AA', /not data$/],
    ['javascript:alert(1)', /not javascript$/],
    ['http://user@example.org/', /^refused: a name or password/],
    ['http://:secret@example.org/', /^refused: a name or password/],
  ])('refuses %j', (text, message) => {
    expect(() => parseUrl(text)).toThrow(message);
  });
});

describe('createAgent', () => {
  const server = createServer((_, response) => response.end('hello'));
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** Answers with these addresses, one after the other. */
  const answering = (...answers: string[][]): { lookup: LookupFunction; asked: string[] } => {
    const asked: string[] = [];
    const lookup: LookupFunction = (host, _, callback) => {
      asked.push(host);
      const addresses = answers[Math.min(asked.length, answers.length) - 1]!;
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    return { lookup, asked };
  };
  const limits = { timeout: 10_000, stallTimeout: 10_000, maxBytes: 100, longer: 'fails' } as const;
  const ask = async (
    url: string,
    rules: Parameters<typeof createAgent>[0]['rules'],
    lookup?: LookupFunction,
  ) => {
    const agent = createAgent({ rules, connections: 1, timeout: 10_000, ...(lookup ? { lookup } : {}) });
    try {
      const answer = await request(agent, new URL(url), {}, limits, new AbortController().signal);
      return answer.kind === 'body' ? answer.bytes.toString() : answer.to;
    } finally {
      await agent.destroy();
    }
  };
  const loopback = { all: false, networks: parseNetworks('127.0.0.1') };

  it('connects to an address of the name that may be asked, and to no other', async () => {
    const { lookup } = answering(['10.0.0.1', '127.0.0.1']);
    expect(await ask(`http://images.example:${port}/`, loopback, lookup)).toBe('hello');
  });

  it('judges a name by what it is connected to, each time that it is looked up', async () => {
    const { lookup, asked } = answering(['127.0.0.1'], ['127.0.0.2']);
    const agent = createAgent({ rules: loopback, connections: 1, timeout: 10_000, lookup });
    const once = () =>
      request(
        agent,
        new URL(`http://rebound.example:${port}/`),
        { connection: 'close' },
        limits,
        new AbortController().signal,
      );
    expect((await once()).kind).toBe('body');
    await expect(once()).rejects.toThrow(/^refused: 127\.0\.0\.2 is a loopback address/);
    expect(asked).toEqual(['rebound.example', 'rebound.example']);
    await agent.destroy();
  });

  it.each([
    '127.0.0.1',
    '[::1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '2130706433',
    'localhost',
  ])('refuses http://%s without a request', async (host) => {
    await expect(ask(`http://${host}:${port}/`, PUBLIC_ONLY)).rejects.toMatchObject({
      message: expect.stringMatching(/^refused: .* (address|public address) \(--allow-private\)$/),
      retriable: false,
    });
  });

  it('says that a name has no address', async () => {
    await expect(ask('http://nowhere.example/', loopback, answering([]).lookup)).rejects.toThrow(
      /^refused: nowhere.example has no address/,
    );
  });
});
