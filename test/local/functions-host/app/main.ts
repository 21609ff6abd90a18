/** The app of the contract suite: small functions, each for one thing that a host must do. */
import './durable-functions.ts';
import './http-functions.ts';
import './timer-functions.ts';
