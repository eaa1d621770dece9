import {
  type AdmissionRow,
  type AuditRow,
  type DecisionRow,
  keys,
  listings,
  type RejectionRow,
} from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import { fits, found, listed, type Questions } from './ask.ts'
import type { OverviewRow } from './overview.ts'

export const systemQuestions: Questions<
  'getOverview' | 'listRetrainDecisions' | 'getRetrainDecision' | 'listRejectedInputs' | 'listAudit'
> = {
  async getOverview({ store }) {
    const row = await store.get<OverviewRow>(keys.overview())
    if (row === undefined)
      throw new EdgeloopError(
        'DEPENDENCY',
        'the overview is not made yet; the first one comes within a minute',
      )
    return row.data.overview
  },
  async listRetrainDecisions({ store }, { query: { model, approved, ...paged } }) {
    const { items, next } = await listed<DecisionRow, DecisionRow>(
      store,
      { listing: listings.decisions },
      {
        ...{ ...paged, newestFirst: true, filters: model !== undefined || approved !== undefined },
        view: ({ data }) =>
          fits(model, data.model) && fits(approved, String(data.approved)) ? data : undefined,
      },
    )
    return { decisions: items, next }
  },
  async getRetrainDecision({ store }, { path: { model, decision } }) {
    const row = found(await store.get<DecisionRow>(keys.decision(model, decision)), 'decision', decision)
    const admission = (await store.get<AdmissionRow>(keys.admission(model, decision)))?.data
    if (admission === undefined) return { ...row, admission: null }
    const { admitted, devices, excluded, at, version, suppressed } = admission
    return { ...row, admission: { admitted, devices, excluded, at, version, suppressed } }
  },
  async listRejectedInputs({ store }, { query: { channel, code, model, thing, ...paged } }) {
    const { items, next } = await listed<RejectionRow, RejectionRow>(
      store,
      { listing: listings.rejections },
      {
        ...{ ...paged, newestFirst: true, filters: [channel, code, model, thing].some(f => f !== undefined) },
        view: ({ data }) =>
          fits(channel, data.channel) &&
          fits(code, data.code) &&
          fits(model, data.model) &&
          fits(thing, data.thing)
            ? data
            : undefined,
      },
    )
    return { rejections: items, next }
  },
  async listAudit({ store }, { query: { by, action, subject, ...paged } }) {
    const { items, next } = await listed<AuditRow, Omit<AuditRow, 'answer'>>(
      store,
      { listing: listings.audit },
      {
        ...{ ...paged, newestFirst: true, filters: [by, action, subject].some(f => f !== undefined) },
        view: ({ data: { answer: _, ...data } }) =>
          fits(by, data.by) && fits<string>(action, data.action) && fits(subject, data.subject)
            ? data
            : undefined,
      },
    )
    return { audit: items, next }
  },
}
