import { enrolmentView } from '../device/allow-list.ts'
import { fleetReport } from '../device/report.ts'
import { type EnrolmentRow, type FleetRow, keys, listings } from '../entities.ts'
import { fits, found, listed, type Questions } from './ask.ts'

const fleetView = ({ envelope: _envelope, beacon: _beacon, ...fleet }: FleetRow) => fleet

export const fleetQuestions: Questions<
  'listFleets' | 'getFleet' | 'getFleetReport' | 'listEnrolments' | 'getEnrolment'
> = {
  async listFleets({ store }, { query }) {
    const { items, next } = await listed<FleetRow, ReturnType<typeof fleetView>>(
      store,
      { listing: listings.fleets },
      { ...query, view: row => fleetView(row.data) },
    )
    return { fleets: items, next }
  },
  async getFleet({ store }, { path: { fleet } }) {
    return fleetView(found(await store.get<FleetRow>(keys.fleet(fleet)), 'fleet', fleet))
  },
  async getFleetReport({ store }, { path: { fleet } }) {
    found(await store.get<FleetRow>(keys.fleet(fleet)), 'fleet', fleet)
    return fleetReport(store, fleet)
  },
  async listEnrolments({ store }, { query: { status, ...paged } }) {
    const { items, next } = await listed<EnrolmentRow, Omit<EnrolmentRow, 'request'>>(
      store,
      { listing: listings.enrolments },
      {
        ...paged,
        filters: status !== undefined,
        view: ({ data }) => (fits(status, data.status) ? enrolmentView(data) : undefined),
      },
    )
    return { enrolments: items, next }
  },
  async getEnrolment({ store }, { path: { serial } }) {
    return enrolmentView(found(await store.get<EnrolmentRow>(keys.enrolment(serial)), 'enrolment', serial))
  },
}
