/** A packaged service made on the spot: a template, and archives with really bundled handlers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { zipSync } from 'fflate'

export type Properties = Record<string, unknown>
export type Resources = Record<string, { Type: string; Properties?: Properties; [other: string]: unknown }>

/** Bundles as the project's own functions are bundled, and writes archive and template into a fresh folder. */
export async function packageService(
  sources: Readonly<Record<string, string>>,
  template: Readonly<Record<string, unknown>>,
): Promise<{ folder: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-package-'))
  for (const [name, contents] of Object.entries(sources)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
      bundle: true,
      minify: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node24',
      mainFields: ['module', 'main'],
    })
    const bundle = outputFiles[0]?.contents ?? new Uint8Array()
    writeFileSync(join(folder, `${name}.zip`), zipSync({ 'index.cjs': bundle }))
  }
  writeFileSync(join(folder, 'cloudformation-template-update-stack.json'), JSON.stringify(template))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A role for one function, with write access to its logs. */
export const functionRole = (name: string, ...statements: Properties[]): Resources[string] => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: `${name}-role`,
    AssumeRolePolicyDocument: {
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    },
    Policies: [
      {
        PolicyName: 'inline',
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              Resource: {
                'Fn::Sub': `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/${name}:*`,
              },
            },
            ...statements,
          ],
        },
      },
    ],
  },
})

export const logGroup = (name: string): Resources[string] => ({
  Type: 'AWS::Logs::LogGroup',
  Properties: { LogGroupName: `/aws/lambda/${name}`, RetentionInDays: 7 },
})

export const lambdaFunction = (
  name: string,
  roleId: string,
  properties: Properties = {},
): Resources[string] => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    FunctionName: name,
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    MemorySize: 256,
    Timeout: 20,
    Role: { 'Fn::GetAtt': [roleId, 'Arn'] },
    Code: { S3Bucket: 'deployment', S3Key: `serverless/shop/dev/1-2026/${name}.zip` },
    ...properties,
  },
})

export const permission = (functionId: string, service: string, sourceArn: unknown): Resources[string] => ({
  Type: 'AWS::Lambda::Permission',
  Properties: {
    Action: 'lambda:InvokeFunction',
    FunctionName: { 'Fn::GetAtt': [functionId, 'Arn'] },
    Principal: `${service}.amazonaws.com`,
    SourceArn: sourceArn,
  },
})
