/** A model file that cannot be read or is not supported. `path` is the place in the file, e.g. `learner.gradient_booster.model.trees[3].left_children[7]`. */
export class ModelFormatError extends Error {
  override readonly name = 'ModelFormatError'
  readonly path: string

  constructor(path: string, problem: string) {
    super(path === '' ? problem : `${path}: ${problem}`)
    this.path = path
  }
}

/** A readable model that cannot be compiled as asked: bad option, too large, or an artefact that failed its self-check. */
export class CompileError extends Error {
  override readonly name = 'CompileError'
}
