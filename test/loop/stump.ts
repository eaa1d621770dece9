/** The smallest XGBoost model there is: one split on the first feature. */
export function stumpModel(threshold: number, left: number, right: number, features = 2): Buffer {
  return Buffer.from(
    JSON.stringify({
      version: [1, 7, 6],
      learner: {
        attributes: {},
        feature_names: [],
        feature_types: [],
        objective: { name: 'binary:logistic', reg_loss_param: { scale_pos_weight: '1' } },
        learner_model_param: {
          base_score: '5E-1',
          boost_from_average: '1',
          num_class: '0',
          num_feature: String(features),
          num_target: '1',
        },
        gradient_booster: {
          name: 'gbtree',
          model: {
            gbtree_model_param: { num_parallel_tree: '1', num_trees: '1', size_leaf_vector: '0' },
            tree_info: [0],
            trees: [
              {
                id: 0,
                base_weights: [0, left, right],
                categories: [],
                categories_nodes: [],
                categories_segments: [],
                categories_sizes: [],
                default_left: [1, 0, 0],
                left_children: [1, -1, -1],
                loss_changes: [1, 0, 0],
                parents: [2147483647, 0, 0],
                right_children: [2, -1, -1],
                split_conditions: [threshold, left, right],
                split_indices: [0, 0, 0],
                split_type: [0, 0, 0],
                sum_hessian: [2, 1, 1],
                tree_param: {
                  num_deleted: '0',
                  num_feature: String(features),
                  num_nodes: '3',
                  size_leaf_vector: '0',
                },
              },
            ],
          },
        },
      },
    }),
  )
}
