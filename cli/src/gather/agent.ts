import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { type AddressRules, literalAddress, refusedAddress } from './address.ts';
import { DownloadError } from './failure.ts';

/** How hosts are connected to. */
export interface AgentOptions {
  readonly rules: AddressRules;
  /** Most connections to one origin at a time. */
  readonly connections: number;
  /** Milliseconds that a connection may take. */
  readonly timeout: number;
  /** How names become addresses. Default: as the system does it. */
  readonly lookup?: LookupFunction;
}

const refusal = (reason: string): DownloadError =>
  new DownloadError(`refused: ${reason} (--allow-private)`, { retriable: false });

/**
 * Looks up names, and gives those addresses only that may be asked. What it gives is what is connected to: a name that is looked up
 * again, with another answer (DNS rebinding), is judged again.
 */
const guarded =
  (rules: AddressRules, lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const addresses = found as LookupAddress[];
      const allowed = addresses.filter(({ address }) => refusedAddress(address, rules) === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const reason =
          addresses.length === 0
            ? `${hostname} has no address`
            : refusedAddress(addresses[0]!.address, rules)!;
        return callback(refusal(reason), []);
      }
      return options.all ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };

/** Connections that are kept open between requests, to addresses that may be asked only. Proxies of the environment are not used. */
export function createAgent({
  rules,
  connections,
  timeout,
  lookup = systemLookup as LookupFunction,
}: AgentOptions): Agent {
  const connect = buildConnector({ timeout, lookup: guarded(rules, lookup) } as buildConnector.BuildOptions);
  return new Agent({
    connections,
    // Requests have timers of their own, which are more exact.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      // An address is connected to without a lookup.
      const literal = literalAddress(options.hostname);
      const reason = literal === undefined ? undefined : refusedAddress(literal, rules);
      if (reason !== undefined) return callback(refusal(reason), null);
      return connect(options, callback);
    },
  });
}
