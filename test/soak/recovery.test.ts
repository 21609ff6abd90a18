/** kill -9 of each program at each step of a run (check 4), with figures. */
import { allKills, testKills } from '../e2e/recovery.ts';

testKills(allKills);
