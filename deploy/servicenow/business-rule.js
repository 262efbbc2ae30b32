// Tells the bridge which ticket changed; the bridge then reads it. Table: incident. When: async. Insert and update.
// Properties (sys_properties): jelou_bridge.url, the bridge's address for webhooks; jelou_bridge.secret, of the kind
// password2, one of its webhook_secrets.
(function executeRule(current) {
  var request = new sn_ws.RESTMessageV2();
  request.setEndpoint(gs.getProperty('jelou_bridge.url'));
  request.setHttpMethod('post');
  request.setHttpTimeout(10000);
  request.setRequestHeader('Content-Type', 'application/json');
  request.setRequestHeader('X-Bridge-Secret', gs.getProperty('jelou_bridge.secret'));
  request.setRequestBody(JSON.stringify({
    sys_id: current.getUniqueValue(),
    number: current.getValue('number'),
    by: current.getValue('sys_updated_by'),
    at: current.getValue('sys_updated_on')
  }));
  var status = request.execute().getStatusCode();
  if (status !== 200) {
    // It is not sent again: the bridge's sweep finds the change.
    gs.warn('The bridge answered ' + status + ' for ' + current.getValue('number'));
  }
})(current);
