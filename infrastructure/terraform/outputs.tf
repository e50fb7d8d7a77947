output "configuration" {
  description = "What goes into .deployer/config.yaml of the repository"
  value = yamlencode({
    version = "v1"
    backend = {
      type = "s3", bucket = aws_s3_bucket.state.id, region = aws_s3_bucket.state.region, prefix = local.prefix
    }
    locks = {
      for key, value in {
        type   = var.table_name == null ? "s3" : "dynamodb"
        table  = var.table_name
        region = aws_s3_bucket.state.region
      } : key => value if value != null
    }
  })
}
