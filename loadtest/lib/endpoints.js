// The operations of the reference traffic: how often each is asked for, and how over either transport.
// Connect's unary calls are a POST of JSON.
import * as answers from './answers.js';
import * as requests from './requests.js';

const rpc = (service, method) => `/guardy.v1.${service}/${method}`;

export const endpoints = {
  'flood-risk': {
    weight: 10, http: '/api/v1/predict/flood-risk', connect: rpc('PredictionService', 'AssessFloodRisk'),
    ask: requests.floodRisk, wrong: answers.floodRisk, cached: true,
  },
  nowcast: {
    weight: 5, http: '/api/v1/predict/nowcast', connect: rpc('PredictionService', 'Nowcast'),
    ask: requests.nowcast, wrong: answers.nowcast, cached: true,
  },
  batch: {
    weight: 4, http: '/api/v1/predict/batch', connect: rpc('PredictionService', 'AssessFloodRiskBatch'),
    ask: (sizes) => requests.batch(...sizes), wrong: answers.batch, raw: true, cached: true,
  },
  anomaly: {
    weight: 3, http: '/api/v1/predict/anomaly', connect: rpc('PredictionService', 'DetectAnomaly'),
    ask: requests.anomaly, wrong: answers.anomaly, cached: true,
  },
  status: {
    weight: 2, http: '/api/v1/models/status', connect: rpc('ModelService', 'ListModels'),
    ask: () => ({}), wrong: answers.status, get: true,
  },
  evacuation: {
    weight: 1, http: '/api/v1/predict/evacuation-zones', connect: rpc('PredictionService', 'PlanEvacuation'),
    ask: requests.evacuation, wrong: answers.evacuation, cached: true,
  },
  metrics: {
    weight: 1, http: '/api/v1/metrics/performance', connect: rpc('ModelService', 'GetModelStats'),
    ask: () => ({ body: '{"name":"risk_scorer"}' }), wrong: answers.metrics, get: true,
  },
};
