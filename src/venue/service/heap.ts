import v8 from "node:v8";

/**
 * Has V8 collect the old part of the heap less often, in the whole process: while it does, its threads have the cores, and
 * items wait. The heap may grow to ten times what lives in it before it is collected, within V8's own limit
 * (--max-old-space-size). And what a function makes is no longer put among the old because earlier ones lived long: in a
 * venue, whose first objects stay and whose later ones go at once, that guess fills the old part with what is dead. To be
 * called before the venue is opened; threads may run.
 */
export function collectSeldom(): void {
  v8.setFlagsFromString("--heap-growing-percent=900");
  v8.setFlagsFromString("--no-allocation-site-pretenuring");
}
