import { lookup as resolve, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { FinalError } from '../streams/errors.ts';

/** The ports that web servers for the public listen at. */
const ports: readonly string[] = ['', '80', '443', '8080', '8443'];

/** Public by its number, yet the virtual machine's own host in Azure (its DNS, DHCP and agent service). */
const azurePlatform = '168.63.129.16';

/** All that was ever given out of IPv6 for the public (IANA, IPv6 Global Unicast Address Assignments). */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

function refused(what: string, options?: ErrorOptions): FinalError {
  return new FinalError(
    'input-url-refused',
    `${what}: upload the file instead (POST /api/uploads), or set ALLOW_PRIVATE_INPUT_URLS in a closed network.`,
    options,
  );
}

/**
 * Refuses a URL by what it says itself: its scheme, credentials, port, or an address in place of a name.
 * @throws FinalError `input-url-refused`
 */
export function checkInputUrl(url: URL, allowPrivate: boolean): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new FinalError('input-url-refused', `The URL's scheme is ${url.protocol} and not https: or http:.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new FinalError('input-url-refused', 'The URL holds a user name or a password.');
  }
  if (allowPrivate) return;
  if (!ports.includes(url.port)) throw refused(`The URL's port ${url.port} is none of a public web server`);
  // An IPv6 address stands in brackets; other spellings of IPv4 are in their usual form by now.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refused(`The address ${host} is not a public one`);
}

/** Whether an address is one of the public internet: neither private, nor of this machine, nor for a special use. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address inside an IPv6 one counts as itself.
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast)) return false;
  return address.range() === 'unicast' && address.toString() !== azurePlatform;
}

/**
 * Resolves a name for a connection: only when every one of its addresses is public, and the connection goes to one of
 * those that were checked (a second look-up could answer otherwise). The error does not say where the name leads: that
 * is nothing for a caller to learn of a network's inside. Its cause does, for the log.
 */
export function publicLookup(lookup: Lookup = resolve): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, [], 0);
        return;
      }
      const bad = addresses.find(({ address }) => !isPublicAddress(address));
      const [first] = addresses;
      if (bad !== undefined) {
        const cause = new Error(`${hostname} leads to ${bad.address}`);
        callback(refused(`The name ${hostname} does not lead to a public address`, { cause }), [], 0);
      } else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}

/** As `dns.lookup` is called. */
type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;
