import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { temporaryFolder } from './at-exit.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What every object of Kubernetes has. */
export type Manifest = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } }

/** The objects of YAML text. */
export function manifestsIn(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS() as Manifest
  })
}

/** The objects in the files of a folder of the repository, but for what kustomize reads. */
export const manifestsOf = (folder: string): Manifest[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml' && name !== 'secret.yaml')
    .flatMap((name) => manifestsIn(readFileSync(join(ROOT, folder, name), 'utf8')))

type Model = new (data: Manifest) => { validate: () => void }

/** What is wrong with the values of objects: their types, what must be there, what may be chosen; by the schemas of Kubernetes. */
export async function wrongValues(manifests: readonly Manifest[]): Promise<string[]> {
  const problems: string[] = []
  for (const manifest of manifests) {
    const { apiVersion, kind, metadata } = manifest
    const models = (await import(/* @vite-ignore */ `kubernetes-models/${apiVersion}`)) as Record<string, Model>
    try {
      ;new (models[kind] as Model)(manifest).validate()
    } catch (error) {
      problems.push(`${kind} ${metadata.name}: ${(error as Error).message}`)
    }
  }
  return problems
}

/** What the compiler has against objects as the types of Kubernetes: schemas let a field that does not exist pass, it does not. */
export async function wrongFields(manifests: readonly Manifest[]): Promise<string[]> {
  const folder = await temporaryFolder('manifests')
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'))
    const lines = manifests.map(
      (manifest, i) =>
        `export const _${i}: import('kubernetes-models/${manifest.apiVersion}').I${manifest.kind} = ${JSON.stringify(manifest)}`,
    )
    const file = join(folder.path, 'manifests.ts')
    writeFileSync(file, lines.join('\n'))
    const tsc = join(ROOT, 'node_modules/.bin/tsc')
    const args = ['--noEmit', '--ignoreConfig', '--skipLibCheck', '--strict', '--module', 'nodenext', file]
    const { stdout, error } = spawnSync(tsc, args, { encoding: 'utf8' })
    if (error) throw error
    return stdout.split('\n').filter((line) => line.includes('error'))
  } finally {
    await folder.remove()
  }
}
