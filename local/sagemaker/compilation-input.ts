/** CreateCompilationJob: Neo's own input rules (SageMaker API reference, `CreateCompilationJob`). */
import * as z from 'zod'
import { jobName, roleArn, s3Uri, tags } from './input.ts'

export const FRAMEWORKS = 'TENSORFLOW KERAS MXNET ONNX PYTORCH XGBOOST TFLITE DARKNET SKLEARN'.split(' ')
const TARGET_DEVICES = (
  'lambda ml_m4 ml_m5 ml_m6g ml_c4 ml_c5 ml_c6g ml_p2 ml_p3 ml_g4dn ml_inf1 ml_inf2 ml_trn1 ml_eia2 jetson_tx1 ' +
  'jetson_tx2 jetson_nano jetson_xavier rasp3b rasp4b imx8qm deeplens rk3399 rk3288 aisage sbe_c qcs605 qcs603 ' +
  'sitara_am57x amba_cv2 amba_cv22 amba_cv25 x86_win32 x86_win64 coreml jacinto_tda4vm imx8mplus'
).split(' ')

const json = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const outputConfig = z
  .looseObject({
    S3OutputLocation: s3Uri,
    TargetDevice: z.enum(TARGET_DEVICES).optional(),
    TargetPlatform: z
      .object({
        Os: z.enum(['ANDROID', 'LINUX']),
        Arch: z.enum(['X86_64', 'X86', 'ARM64', 'ARM_EABI', 'ARM_EABIHF']),
        Accelerator: z.enum(['INTEL_GRAPHICS', 'MALI', 'NVIDIA', 'NNA']).optional(),
      })
      .optional(),
    CompilerOptions: z.string().min(3).max(1024).optional(),
    KmsKeyId: z.string().max(2048).optional(),
  })
  .refine(
    output => (output.TargetDevice === undefined) !== (output.TargetPlatform === undefined),
    'exactly one of TargetDevice and TargetPlatform must be given',
  )

export const compilationRequest = z.looseObject({
  CompilationJobName: jobName,
  RoleArn: roleArn,
  ModelPackageVersionArn: z.undefined('the local cloud compiles from InputConfig only').optional(),
  InputConfig: z.looseObject({
    S3Uri: s3Uri,
    Framework: z.enum(FRAMEWORKS),
    DataInputConfig: z.string().max(16_384).refine(json, 'Member must be JSON text').optional(),
    FrameworkVersion: z
      .string()
      .regex(
        /^[0-9]\.[A-Za-z0-9.]+$/,
        'Member must satisfy regular expression pattern: [0-9]\\.[A-Za-z0-9.]+',
      )
      .optional(),
  }),
  OutputConfig: outputConfig,
  StoppingCondition: z.looseObject({ MaxRuntimeInSeconds: z.number().int().min(1).default(86_400) }),
  Tags: tags,
})
export type CompilationRequest = z.infer<typeof compilationRequest>

/** `rasp4b`, or `linux-arm64` for a platform: names the artefact and is the compiler's `--target`. */
export function targetName({ OutputConfig: { TargetDevice, TargetPlatform } }: CompilationRequest): string {
  if (TargetDevice !== undefined) return TargetDevice
  const { Os, Arch, Accelerator } = TargetPlatform ?? {}
  return [Os, Arch, Accelerator]
    .filter(each => each !== undefined)
    .join('-')
    .toLowerCase()
}
