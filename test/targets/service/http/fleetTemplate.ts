/** A provisioning template that makes a thing of the parameter Serial. */
export const FLEET = JSON.stringify({
  Parameters: { Serial: { Type: 'String' } },
  Resources: {
    thing: { Type: 'AWS::IoT::Thing', Properties: { ThingName: { Ref: 'Serial' } } },
    certificate: {
      Type: 'AWS::IoT::Certificate',
      Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' } },
    },
  },
});
