/** The variable by which a process of a test shares compiled modules with the others of the run. Empty outside of Jest. */
export function compileCache(): Record<string, string> {
  const { TEST_RUN_FOLDER, NODE_COMPILE_CACHE } = process.env;
  return TEST_RUN_FOLDER && NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {};
}
