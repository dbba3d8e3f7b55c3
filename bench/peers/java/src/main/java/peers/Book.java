package peers;

/** An engine that is called. It throws when it refuses an operation: the result would be void. */
interface Book {
  /** Does the operation of the workload at this index. */
  void apply(int index);
}
