/**
 * The servers of the control plane, opened and closed together: the admin API, and the listener for applications where the
 * config has one. Both answer about flags, from one place, by rules that follow the config in force.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AdminAccess } from '../admin/admission.ts';
import { Ofrep } from '../admin/ofrep.ts';
import { type OfrepListener, startOfrepListener } from '../admin/ofrep-listener.ts';
import { adminDoorRules, followed, ownDoorRules } from '../admin/ofrep-rules.ts';
import { type AdminServer, startAdmin } from '../admin/server.ts';
import { type Address, formatAddress } from '../config/address.ts';
import type { Config } from '../config/schema.ts';
import type { ControlPlane } from '../control/control-plane.ts';

/** What answers people and applications. */
export interface Servers {
  readonly admin: AdminServer;
  /** Null where flags are answered at the admin address only. */
  readonly ofrep: OfrepListener | null;
  /** Ends streams, lets running calls finish, and closes the ports. */
  close(): Promise<void>;
}

/** Opens the admin API, and the listener for applications where there is one; says which could not be opened. */
export async function openServers(plane: ControlPlane, log: Logger): Promise<Servers | { readonly closed: string }> {
  const config = (): Config => plane.configInForce;
  const { admin: settings, ofrep: applications } = config();
  const { streams: streamsMax } = applications.limits;
  const answers = new Ofrep({ flags: plane.flags, config, log });
  const admin = await opened('the admin API', settings.address, () =>
    startAdmin({
      operations: plane,
      ...settings.address,
      access: followed(() => config().admin, accessOf),
      log,
      version: version(),
      ofrep: { answers, rules: followed(config, adminDoorRules), streamsMax },
    }),
  );
  if ('closed' in admin) return admin;
  const { address } = applications;
  const ofrep =
    address === undefined
      ? null
      : await opened('OFREP', address, () =>
          startOfrepListener({ ofrep: answers, ...address, rules: followed(config, ownDoorRules), streamsMax }),
        );
  const close = async (): Promise<void> => {
    answers.close();
    await Promise.all([admin.close(), ofrep !== null && !('closed' in ofrep) ? ofrep.close() : null]);
  };
  if (ofrep === null || !('closed' in ofrep)) return { admin, ofrep, close };
  await close();
  return ofrep;
}

async function opened<T extends object>(
  what: string,
  address: Address,
  open: () => Promise<T>,
): Promise<T | { readonly closed: string }> {
  try {
    return await open();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { closed: `${what} cannot be opened at ${formatAddress(address)}: ${cause}` };
  }
}

/** Who may call the admin API: a token that is changed in the file counts from then on. */
function accessOf(admin: Config['admin']): AdminAccess {
  return { ...admin, token: admin.token ?? '' };
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
