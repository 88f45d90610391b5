import { UsageError } from 'fovea';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** Which addresses may be asked besides public ones. */
export interface AddressRules {
  /** Every address. */
  readonly all: boolean;
  /** These networks. */
  readonly networks: readonly Network[];
}

/** What `range` of ipaddr.js calls the networks that are refused, in words. */
const RANGES: Readonly<Record<string, string>> = {
  carrierGradeNat: 'an address behind a carrier’s NAT',
  linkLocal: 'a link-local address',
  loopback: 'a loopback address',
  multicast: 'a multicast address',
  private: 'a private address',
  uniqueLocal: 'a private address',
};

/** The prefix of RFC 6052 under which a NAT64 shows the IPv4 internet. */
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');

/** The IPv4 address that an IPv6 address stands for, where it does; or else the address itself. */
function embedded(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  // Also ::127.0.0.1, the older way to write it.
  const mapped = address.range() === 'ipv4Mapped' || address.match(NAT64, 96);
  return mapped ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

const isPublic = (address: Address): boolean =>
  address.range() === 'unicast' && (address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST, 3));

const within = (address: Address, [network, bits]: Network): boolean =>
  address.kind() === network.kind() &&
  (address.match as (other: Address, bits: number) => boolean)(network, bits);

/** The host of a URL as an address: without the brackets of IPv6. Undefined for a name. */
export function literalAddress(host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? bare : undefined;
}

/**
 * Why an address may not be asked; undefined where it may. Only global unicast addresses may: no private, loopback, link-local, multicast,
 * carrier's (100.64.0.0/10), documentation or reserved ones, also where IPv6 stands for such an IPv4 address (::ffff:127.0.0.1,
 * 64:ff9b::7f00:1), and no tunnels (6to4, Teredo), which lead to addresses that cannot be judged.
 */
export function refusedAddress(text: string, rules: AddressRules): string | undefined {
  if (rules.all) return undefined;
  let address: Address;
  try {
    address = embedded(ipaddr.parse(text));
  } catch {
    return `${text} is no address`;
  }
  if (isPublic(address) || rules.networks.some((network) => within(address, network))) return undefined;
  return `${text} is ${RANGES[address.range()] ?? 'not a public address'}`;
}

/** Reads a list of addresses and networks: `127.0.0.1,10.1.0.0/16,fd00::/8`. Throws UsageError. */
export function parseNetworks(text: string): Network[] {
  return text.split(',').map((part) => {
    const one = part.trim();
    try {
      if (one.includes('/')) return ipaddr.parseCIDR(one);
      const address = ipaddr.parse(one);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    } catch {
      throw new UsageError(
        `--allow-address: ${JSON.stringify(one)} is no address or network; give some, such as 127.0.0.1,10.1.0.0/16`,
      );
    }
  });
}
