import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ApiError, badField, shown } from './errors.ts'

/** What is looked at in a schema. */
type Schema = {
  type?: string
  anyOf?: Schema[]
  const?: unknown
  default?: unknown
  properties?: Record<string, Schema>
  items?: Schema
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
  /** What a text of a pattern is, in words. */
  title?: string
}

type Problem = { keyword: string; instancePath: string; params: Record<string, unknown> }

/**
 * Checks what comes in against a route's schema. Of a path and a query, which are text, numbers and booleans are read;
 * nothing is cut to what fits. A problem is told by the field's name, what it may be and what was given.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema)
  const isBody = httpPart === 'body'
  return (given: unknown) => {
    const value = isBody ? given : readTexts(schema as Schema, given as Record<string, unknown>)
    if (compiled.Check(value)) return { value }
    const { message } = problemOf(compiled.Errors(value) as Problem[], schema as Schema, value)
    // As Torrust: a body that is JSON, but not of the right types, cannot be processed.
    return { error: isBody ? new ApiError(422, 'unprocessable', message) : new ApiError(400, 'bad_request', message) }
  }
}

/** The values that texts stand for where a schema says so, and defaults; what is empty is as not given. */
function readTexts({ properties = {} }: Schema, given: Record<string, unknown>): Record<string, unknown> {
  const read = { ...given }
  for (const [name, property] of Object.entries(properties)) {
    const text = given[name]
    const isEmpty = text === '' && property.type !== 'string' && property.type !== 'array'
    if (text === undefined || isEmpty) {
      delete read[name]
      if (property.default !== undefined) read[name] = property.default
    } else if (property.type === 'array' && typeof text === 'string') read[name] = [text]
    else if (typeof text === 'string') read[name] = parsedText(property, text)
  }
  return read
}

function parsedText({ type }: Schema, text: string): unknown {
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

function problemOf(problems: Problem[], schema: Schema, value: unknown): ApiError {
  const { properties = {} } = schema
  for (const { keyword, params } of problems) {
    if (keyword === 'additionalProperties') {
      const [name] = params.additionalProperties as string[]
      return badField('a field', `one of ${Object.keys(properties).join(', ')}`, name)
    }
    if (keyword === 'required') {
      const [name = ''] = params.requiredProperties as string[]
      return new ApiError(400, 'bad_request', `${name} is missing: it must be ${allowedBy(properties[name] ?? {})}`)
    }
  }
  const path = problems[0]?.instancePath.split('/').slice(1) ?? []
  const [name] = path
  if (name === undefined) return badField('the body', 'a JSON object', value)
  const field = properties[name] ?? {}
  const isInItem = path.length > 1 && field.items !== undefined
  const given = (value as Record<string, unknown>)[name]
  if (isInItem) return badField(name, allowedBy(field.items ?? {}), (given as unknown[])[Number(path[1])])
  return badField(name, allowedBy(field), given)
}

/** What a value may be, in words. */
function allowedBy(schema: Schema): string {
  if (schema.anyOf) {
    const isChoice = schema.anyOf.every((each) => 'const' in each)
    return isChoice
      ? `one of ${schema.anyOf.map((each) => String(each.const)).join(', ')}`
      : schema.anyOf.map(allowedBy).join(' or ')
  }
  switch (schema.type) {
    case 'integer':
      return `an integer${rangeOf(schema.minimum, schema.maximum)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `given${rangeOf(schema.minItems, schema.maxItems)} times`
    case 'string':
      return schema.title ?? `text${rangeOf(schema.minLength, schema.maxLength, ' characters')}`
    default:
      return schema.type ?? shown(schema.const)
  }
}

function rangeOf(least: number | undefined, most: number | undefined, unit = ''): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}${unit}`
  if (least !== undefined) return ` of at least ${least}${unit}`
  return most === undefined ? '' : ` of at most ${most}${unit}`
}
