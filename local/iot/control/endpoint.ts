import { type ControlOperations, invalidRequest } from './call.ts'

/** DescribeEndpoint. */
export const endpointOperations = (dataEndpoint: string): ControlOperations => ({
  DescribeEndpoint: {
    resource: () => '*',
    run: ({ query }) => {
      const type = query.get('endpointType') ?? 'iot:Data'
      if (type !== 'iot:Data' && type !== 'iot:Data-ATS')
        throw invalidRequest(`endpointType ${type} is not implemented by the local cloud; iot:Data-ATS is`)
      // AWS gives a host name and devices take port 8883 for granted; here the port has to be told as well.
      return { endpointAddress: dataEndpoint }
    },
  },
})
