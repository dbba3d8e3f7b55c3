/** The package has no types of its own. Arrays begin at index 1, as in the Fortran it was ported from. */
declare module "quadprog" {
  export interface QuadprogSolution {
    readonly solution: readonly number[];
    readonly Lagrangian: readonly number[];
    readonly value: readonly number[];
    readonly iterations: readonly number[];
    readonly iact: readonly number[];
    /** Empty when solved. */
    readonly message: string;
  }
  /** min -d'x + x'Dx/2 under A'x >= b, the first `equalities` columns of A with equality. Overwrites D and d. */
  export function solveQP(
    quadratic: number[][],
    linear: number[],
    constraints: number[][],
    right: number[],
    equalities: number,
  ): QuadprogSolution;
}
