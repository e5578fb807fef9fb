/**
 * Writes the prover's modules of WebAssembly beside the compiled prover.
 * @param dist  folder of the compiled package
 */
export declare function writeKernels(dist: string): Promise<void>;
//# sourceMappingURL=kernels.d.ts.map
