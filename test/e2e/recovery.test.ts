/** kill -9 in the middle of a run (check 4): a sample; test/soak has every step. */
import { sampleOfKills, testKills } from './recovery.ts';

/** RECOVERY_SEED=n chooses other steps. */
const seed = Number(process.env['RECOVERY_SEED'] ?? 1);

testKills(sampleOfKills(seed));
